// Camgate takes each camera once and serves it to everybody: by RTSP, WebRTC,
// Low-Latency HLS and MJPEG.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx := untilSignal(signals, os.Exit)
	std := stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	os.Exit(dispatch(ctx, std, os.Args[1:]))
}

// untilSignal returns a context that ends with the first signal. With the second
// one the program exits at once.
func untilSignal(signals <-chan os.Signal, exit func(code int)) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-signals
		cancel()
		<-signals
		exit(exitSignal)
	}()
	return ctx
}
