package camgate

import "context"

// Source fills a stream.
type Source interface {
	// Run makes one attempt: it connects, publishes to s until that ends, and
	// returns why. It returns nil or ctx's error when ctx ended it.
	Run(ctx context.Context, s *Stream) error
	// String describes the source for people, without secrets.
	String() string
}

// Knocker is a Source that can tell cheaply whether its device is there again,
// without taking up one of the device's connections for media: during a long
// backoff the supervisor asks it, so that a camera that returns is used at once.
type Knocker interface {
	// Knock returns nil when an attempt to Run is worth while.
	Knock(ctx context.Context) error
}

// Remote is a Source that tells which device it connects to: connections to one
// device are spaced, whatever streams they are for.
type Remote interface {
	// Device returns the host and port that are dialled.
	Device() string
}
