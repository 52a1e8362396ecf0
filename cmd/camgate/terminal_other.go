//go:build !linux

package main

import "os"

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// readHidden reads a line; how to hide it is known for Linux only.
func readHidden(f *os.File) (string, error) { return readLine(f) }
