package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/camgate/camgate/ingest/encode"
)

// TestEncoderTable asks while trials take long (the program is ffmpeg, once a file is
// gone), and after.
func TestEncoderTable(t *testing.T) {
	dir := t.TempDir()
	hold, program := filepath.Join(dir, "hold"), filepath.Join(dir, "ffmpeg")
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\nwhile [ -e "+hold+" ]; do sleep 0.05; done\nexec ffmpeg \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	table := newEncoderTable(encode.New(encode.Options{FFmpeg: program}))
	table.size, table.fps = [2]int{320, 240}, 1 // the machine may be busy
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- table.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	get := func() (answer tableJSON) {
		t.Helper()
		text, err := json.Marshal(table.Table(t.Context()))
		if err == nil {
			err = json.Unmarshal(text, &answer)
		}
		if err != nil || answer.Encoders == nil || answer.Size != "320x240" {
			t.Fatalf("%v: %s", err, text)
		}
		return answer
	}
	for range 2 {
		began := time.Now()
		if got := get(); got.State != "proving" || got.ProvedAt != nil || len(got.Encoders) > 0 {
			t.Fatalf("%+v", got)
		}
		if d := time.Since(began); d > tableWait+2*time.Second {
			t.Errorf("it answers after %v", d)
		}
	}
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * tableTime)
	age := func() {
		table.mu.Lock()
		defer table.mu.Unlock()
		table.table.ProvedAt = &old
	}
	var got tableJSON
	for end := time.Now().Add(time.Minute); got.State != "proved"; {
		if got = get(); time.Now().After(end) {
			t.Fatalf("%+v", got)
		}
		if got.State == "proved" && slices.ContainsFunc(got.Encoders, func(p encode.Proof) bool { return p.Busy }) {
			age() // what had no processor is not known yet
			got.State = "busy"
		}
	}
	chosen := map[string]bool{}
	for _, p := range got.Encoders {
		chosen[p.Name] = p.Chosen
	}
	if len(got.Encoders) < 15 || !chosen["libx264"] || !chosen["libx265"] || !chosen["mjpeg"] || got.ProvedAt == nil || got.Error != "" {
		t.Errorf("%+v", got)
	}
	if again := get(); again.State != "proved" || !again.ProvedAt.Equal(*got.ProvedAt) {
		t.Errorf("made anew: %+v", again)
	}
	// An old one is shown until there is a new one, which takes no trials.
	age()
	for got = get(); got.State == "proving"; got = get() {
		if len(got.Encoders) < 15 {
			t.Fatalf("%+v", got)
		}
	}
	if got.State != "proved" || !got.ProvedAt.After(old) {
		t.Errorf("%+v", got)
	}
}

func TestNoEncoderTable(t *testing.T) {
	table := newEncoderTable(encode.New(encode.Options{FFmpeg: "/nowhere/ffmpeg"}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- table.Run(ctx) }()
	got := table.Table(t.Context()).(tableJSON)
	for got.State == "proving" {
		got = table.Table(t.Context()).(tableJSON)
	}
	if got.State != "failed" || got.Error == "" || got.Encoders == nil {
		t.Errorf("%+v", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
