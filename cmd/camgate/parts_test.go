package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPartsEndTogether(t *testing.T) {
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	broken := errors.New("broken")
	never := make(chan struct{})
	tests := map[string]struct {
		last  func(ctx context.Context) error
		after time.Duration // of which the context ends
		want  string
		took  time.Duration
	}{
		"all wait":        {wait, time.Minute, "", time.Minute},
		"one fails":       {func(context.Context) error { time.Sleep(time.Second); return broken }, time.Minute, "last: broken", time.Second},
		"one just ends":   {func(context.Context) error { return nil }, time.Minute, "last: ended by itself", 0},
		"one fails late":  {func(ctx context.Context) error { <-ctx.Done(); return broken }, time.Second, "", time.Second},
		"one takes time":  {func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }, time.Second, "", 2 * time.Second},
		"one never ends":  {func(context.Context) error { <-never; return nil }, time.Second, "not ended after 1.9s: last", 2900 * time.Millisecond},
		"ended before it": {wait, 0, "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if name == "one never ends" {
					never = make(chan struct{})
					defer close(never)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.after == 0 {
					cancel()
				} else {
					time.AfterFunc(tt.after, cancel)
				}
				began := time.Now()
				err := runParts(ctx, []part{{"first", wait}, {"second", wait}, {"last", tt.last}})
				text := ""
				if err != nil {
					text = err.Error()
				}
				if text != tt.want || time.Since(began) != tt.took {
					t.Errorf("got %q after %s, want %q after %s", strings.TrimSpace(text), time.Since(began), tt.want, tt.took)
				}
			})
		})
	}
}
