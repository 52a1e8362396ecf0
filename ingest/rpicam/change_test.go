package rpicam

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// Whoever watches goes on doing so when the camera is asked for something else.
func TestChange(t *testing.T) {
	path := program(t, "rpicam-vid", "low-latency", "")
	source, err := New(Options{Bitrate: 1e6, Controls: map[string]string{"hflip": "true", "gain": "2"}, Programs: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	stream := camgate.NewRendition("pi", camgate.StreamLimits{})
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, stream) }()
	if _, err := stream.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	watch := func(until string) {
		t.Helper()
		for n := 0; ; n++ {
			if _, err := reader.Next(); err != nil {
				t.Fatalf("no %q: %v", until, err)
			}
			if b, _ := os.ReadFile(path + ".args"); n > 5 && strings.Contains(string(b), until) {
				return
			}
		}
	}
	watch("-b 1000000")
	source.Ask(Request{Bitrate: 5e5, Width: 640, Height: 480})
	watch("--width 640 --height 480 --verbose 0 --codec h264 --inline -g 30 -b 500000")
	if err := source.SetControls(map[string]string{"vflip": "true", "hflip": "default"}); err != nil {
		t.Error(err)
	}
	watch("--gain 2 --vflip")
	for _, wrong := range []map[string]string{{"gain": "lots"}, {"none": "1"}} {
		if err := source.SetControls(wrong); !errors.Is(err, camgate.ErrBadRequest) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	source.Ask(Request{Bitrate: 5e5, Width: 640, Height: 480}) // as it is
	if err := source.SetControls(map[string]string{"gain": "2"}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if b, _ := os.ReadFile(path + ".args"); strings.Count(string(b), "\n") != 3 {
		t.Errorf("it ran as\n%s", b)
	}
}
