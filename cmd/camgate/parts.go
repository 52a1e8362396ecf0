package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// part is something that runs as long as the gateway does.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// shutdownLimit is how long the parts may take to end: a service manager or a
// person is waiting.
const shutdownLimit = 1900 * time.Millisecond

// ended is a part that came to its end.
type ended struct {
	name string
	err  error
}

// runParts runs all parts until ctx ends or one of them does, and waits for all.
// It returns what the first one ended with, or nil when ctx ended them. Parts that
// do not end in time are named in the error and left behind.
func runParts(ctx context.Context, parts []part) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan ended, len(parts))
	var left []string
	for _, p := range parts {
		left = append(left, p.name)
		go func() { done <- ended{p.name, p.run(ctx)} }()
	}
	var failure error
	var late <-chan time.Time
	stopping := ctx.Done()
	for len(left) > 0 {
		select {
		case e := <-done:
			left = slices.Delete(left, slices.Index(left, e.name), slices.Index(left, e.name)+1)
			if ctx.Err() == nil {
				failure = e.failure()
				cancel()
			}
		case <-stopping:
			stopping, late = nil, time.After(shutdownLimit)
		case <-late:
			return errors.Join(failure, fmt.Errorf("not ended after %s: %s", shutdownLimit, strings.Join(left, ", ")))
		}
	}
	return failure
}

// failure is what a part ended with while it should have gone on.
func (e ended) failure() error {
	if e.err == nil {
		return fmt.Errorf("%s: ended by itself", e.name)
	}
	return fmt.Errorf("%s: %w", e.name, e.err)
}
