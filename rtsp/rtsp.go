// Package rtsp connects camgate to RTSP (RFC 2326), the language of cameras: it
// pulls from cameras (Source), takes streams that others publish, and serves all
// streams to viewers (Server).
//
// Signalling is left to gortsplib. Media goes its own way: what comes in is put
// together to access units as soon as it leaves the library's socket, and what
// goes out is written by us, a whole access unit with one system call, from bytes
// that are made once per stream and shared by all viewers.
package rtsp

// protocol is how readers, publishers and their log lines are marked.
const protocol = "rtsp"
