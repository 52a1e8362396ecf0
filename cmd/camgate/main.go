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
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx := untilSignal(signals, os.Exit)
	std := stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	os.Exit(dispatch(ctx, std, os.Args[1:]))
}

// untilSignal returns a context that ends with the first signal. With the second
// one the program exits at once, but for SIGHUP: a terminal that is closed may send it twice.
func untilSignal(signals <-chan os.Signal, exit func(code int)) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-signals
		cancel()
		for <-signals == syscall.SIGHUP {
		}
		exit(exitSignal)
	}()
	return ctx
}
