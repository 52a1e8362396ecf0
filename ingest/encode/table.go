package encode

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/camgate/camgate"
)

// kind is an encoder that ffmpeg may have.
type kind struct {
	name     string
	codec    camgate.Codec
	hardware bool
	// variants are ways to use it, the best first. Drivers differ in what they know.
	variants []variant
	direct   bool          // it is spoken to without ffmpeg, and takes raw pictures of its own size only
	missing  func() string // why it cannot be here, without a trial; nil or "": it may
}

// variant is a way to use an encoder.
type variant struct {
	name    string
	setup   []string // arguments before the input: devices
	filter  string   // the last one: pictures as the encoder takes them
	options []string
	threads int // of the processor that a program can use; 0: 1
}

// kinds lists the encoders, the best first. What is "best" is the least work for the
// processor, and among those what is likely to be in the machine for this purpose.
func kinds() []kind {
	return []kind{
		{name: "v4l2m2m", codec: camgate.H264, hardware: true, direct: true, variants: directNodes(), missing: noVideoNode},
		{name: "h264_v4l2m2m", codec: camgate.H264, hardware: true, variants: m2m(), missing: noVideoNode},
		{name: "h264_vaapi", codec: camgate.H264, hardware: true, variants: vaapi("constrained_baseline"), missing: noRenderNode},
		{name: "h264_qsv", codec: camgate.H264, hardware: true, variants: qsv("-profile:v", "baseline", "-low_delay_brc", "1", "-forced_idr", "1"), missing: noRenderNode},
		{name: "h264_nvenc", codec: camgate.H264, hardware: true, variants: nvenc("-profile:v", "baseline")},
		{name: "h264_rkmpp", codec: camgate.H264, hardware: true, variants: rkmpp("-profile:v", "baseline")},
		{name: "h264_videotoolbox", codec: camgate.H264, hardware: true, variants: videotoolbox("-profile:v", "baseline"), missing: noMac},
		{name: "libx264", codec: camgate.H264, variants: x264()},

		{name: "hevc_v4l2m2m", codec: camgate.H265, hardware: true, variants: m2m(), missing: noVideoNode},
		{name: "hevc_vaapi", codec: camgate.H265, hardware: true, variants: vaapi("main"), missing: noRenderNode},
		{name: "hevc_qsv", codec: camgate.H265, hardware: true, variants: qsv("-profile:v", "main", "-forced_idr", "1"), missing: noRenderNode},
		{name: "hevc_nvenc", codec: camgate.H265, hardware: true, variants: nvenc("-profile:v", "main")},
		{name: "hevc_rkmpp", codec: camgate.H265, hardware: true, variants: rkmpp("-profile:v", "main")},
		{name: "hevc_videotoolbox", codec: camgate.H265, hardware: true, variants: videotoolbox(), missing: noMac},
		{name: "libx265", codec: camgate.H265, variants: []variant{{
			filter: "format=yuv420p", threads: runtime.NumCPU(),
			options: []string{"-preset", "ultrafast", "-tune", "zerolatency", "-forced-idr", "1",
				"-x265-params", "log-level=error:open-gop=0:scenecut=0"},
		}}},

		{name: "mjpeg_vaapi", codec: camgate.MJPEG, hardware: true, variants: vaapi(""), missing: noRenderNode},
		{name: "mjpeg_qsv", codec: camgate.MJPEG, hardware: true, variants: qsv(), missing: noRenderNode},
		// The standard Huffman tables, and both quantization tables, are what RTP can
		// carry (RFC 2435).
		{name: "mjpeg", codec: camgate.MJPEG, variants: []variant{{
			filter:  "format=yuvj420p",
			options: []string{"-threads", "1", "-huffman", "default", "-force_duplicated_matrix", "1"},
		}}},
	}
}

// x264 on one thread costs the least. Where one core is not enough the pictures are
// cut into slices, which does not make them late as several pictures at a time would.
func x264() []variant {
	options := []string{"-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-forced-idr", "1", "-threads"}
	var list []variant
	for _, n := range []int{1, min(4, runtime.NumCPU())} {
		if n > 1 || list == nil {
			list = append(list, variant{
				name: strconv.Itoa(n) + " thread", filter: "format=yuv420p|nv12",
				options: append(options[:len(options):len(options)], strconv.Itoa(n)), threads: n,
			})
		}
	}
	return list
}

func m2m() []variant {
	return []variant{{filter: "format=yuv420p", options: []string{"-num_capture_buffers", "16"}}, {filter: "format=nv12"}}
}

// vaapi tries each render node, and what drivers have of rate control and circuits.
func vaapi(profile string) []variant {
	nodes, _ := filepath.Glob("/dev/dri/renderD*")
	var list []variant
	for _, node := range nodes {
		base := variant{name: node, setup: []string{"-vaapi_device", node}, filter: "format=nv12,hwupload", options: []string{"-async_depth", "1"}}
		add := func(name string, options ...string) {
			v := base
			v.name += " " + name
			v.options = append(v.options[:len(v.options):len(v.options)], options...)
			list = append(list, v)
		}
		if profile == "" {
			add("")
			continue
		}
		add("CBR", "-profile:v", profile, "-rc_mode", "CBR")
		add("CBR, low power", "-profile:v", profile, "-rc_mode", "CBR", "-low_power", "1")
		add("default")
	}
	return list
}

func qsv(options ...string) []variant {
	options = append([]string{"-async_depth", "1", "-preset", "veryfast"}, options...)
	return []variant{
		{
			name: "upload", setup: []string{"-init_hw_device", "qsv=hw", "-filter_hw_device", "hw"},
			filter: "format=nv12,hwupload=extra_hw_frames=64", options: options,
		},
		{name: "copy", filter: "format=nv12", options: options},
	}
}

func nvenc(options ...string) []variant {
	return []variant{
		{filter: "format=nv12|yuv420p", options: append([]string{"-preset", "p2", "-tune", "ull", "-zerolatency", "1", "-delay", "0", "-rc", "cbr", "-forced-idr", "1"}, options...)},
		// Before the presets of SDK 10.
		{name: "old", filter: "format=nv12|yuv420p", options: append([]string{"-preset", "llhp", "-zerolatency", "1", "-delay", "0", "-rc", "cbr", "-forced-idr", "1"}, options...)},
	}
}

func rkmpp(options ...string) []variant {
	return []variant{{filter: "format=nv12|yuv420p", options: append([]string{"-rc_mode", "CBR"}, options...)}, {name: "default", filter: "format=nv12"}}
}

func videotoolbox(options ...string) []variant {
	return []variant{{filter: "format=nv12|yuv420p", options: append([]string{"-realtime", "1"}, options...)}}
}

// noRenderNode, noVideoNode and noMac spare trials that cannot succeed.
func noRenderNode() string {
	if nodes, _ := filepath.Glob("/dev/dri/renderD*"); len(nodes) == 0 {
		return "no graphics device (/dev/dri/renderD*)"
	}
	return ""
}

func noVideoNode() string {
	if nodes, _ := filepath.Glob("/dev/video*"); len(nodes) == 0 {
		return "no video device (/dev/video*)"
	}
	return ""
}

func noMac() string {
	if _, err := os.Stat("/System/Library/Frameworks/VideoToolbox.framework"); err != nil {
		return "it is for macOS only"
	}
	return ""
}

// quality are the options for JPEG. Encoders have two scales for it.
func (k *kind) quality(percent int) []string {
	if k.hardware {
		return []string{"-global_quality", strconv.Itoa(percent)}
	}
	return []string{"-q:v", strconv.Itoa(quantizer(percent))}
}

// quantizer turns a quality as people know it from JPEG programs (1 to 100) into
// ffmpeg's scale (31 to 2) such that the files have about the same size.
func quantizer(percent int) int {
	scale := 200 - 2*percent // of the tables of ITU-T T.81 annex K.1
	if percent < 50 {
		scale = 5000 / max(percent, 1)
	}
	return min(max((17*scale+50)/100, 2), 31)
}
