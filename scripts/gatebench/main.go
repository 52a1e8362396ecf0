// gatebench is a neutral load generator and measuring client for camera
// gateways. Every subcommand takes URLs only, so it works against any server.
package main

import (
	"fmt"
	"os"
)

type command struct {
	name, help string
	run        func(args []string) error
}

var commands = []command{
	{"publish", "publish M H264 streams by RTSP RECORD, or serve them as an RTSP server (-serve)", cmdPublish},
	{"rtsp", "N RTSP readers (TCP interleaved or UDP) of one stream", cmdRTSP},
	{"whep", "N WebRTC readers by WHEP or a WHEP-like POST", cmdWHEP},
	{"stuck", "a reader by RTSP over TCP that plays and never reads", cmdStuck},
	{"churn", "N WebRTC readers at a time that come and go", cmdChurn},
	{"hls", "N HLS / LL-HLS clients that follow the playlists", cmdHLS},
	{"mjpeg", "N multipart MJPEG readers", cmdMJPEG},
	{"ttff", "time to first decodable frame of a joining reader", cmdTTFF},
	{"latency", "delay added by the server; the source must be 'publish -stamp'", cmdLatency},
	{"idle", "CPU and memory of a process over T seconds (ingest scale)", cmdIdle},
	{"startup", "time from exec to the first port accepting, idle RSS, binary size", cmdStartup},
	{"floor", "physical limit: the cheapest fan-out of the same packets on this machine", cmdFloor},
	{"sink", "(internal) receiver process of floor", cmdSink},
	{"srtp", "cost of SRTP encryption per cipher suite", cmdSRTP},
}

func main() {
	if len(os.Args) > 1 {
		for _, c := range commands {
			if c.name == os.Args[1] {
				if err := c.run(os.Args[2:]); err != nil {
					fmt.Fprintln(os.Stderr, "gatebench "+c.name+":", err)
					os.Exit(1)
				}
				return
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: gatebench COMMAND [flags]   (-h after a command lists its flags)")
	for _, c := range commands {
		fmt.Fprintf(os.Stderr, "  %-8s %s\n", c.name, c.help)
	}
	os.Exit(2)
}
