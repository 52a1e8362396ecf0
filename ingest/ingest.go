// Package ingest keeps sources alive and brings what they deliver into one form.
//
// A source hands access units to a Writer as they come: parameter sets missing,
// timestamps of its own, in the middle of a GOP. The Writer repairs them, gives
// them a place on the stream's clock and publishes them. A Supervisor runs the
// source, watches it, and starts it again when it ends.
package ingest
