// Package e2e tests the real program with real clients: ffmpeg, GStreamer, mpv and
// Chromium on the outside, another RTSP server and ffmpeg as cameras. It has no code
// of its own.
package e2e
