// Camgate takes each camera once and serves it to everybody: by RTSP, WebRTC,
// Low-Latency HLS and MJPEG.
//
// Some cameras have certificates whose serial numbers are negative, which RFC 5280
// forbids. Without the next line nobody could say that theirs is to be trusted.
//
//go:debug x509negativeserial=1
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
