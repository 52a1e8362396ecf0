package command

import (
	"strings"
	"testing"
)

func TestSecrets(t *testing.T) {
	for _, tt := range []struct{ line, says, want string }{
		{"ffmpeg -i rtsp://me:s3cr:et@cam/1 -", "rtsp://me:s3cr:et@cam/1: refused", "rtsp://***@cam/1: refused"},
		{"ffmpeg -i rtsp://me:s3cret@cam/1 -", "password s3cret is wrong", "password *** is wrong"},
		{"cam --password hunter2", "cannot log in with hunter2", "cannot log in with ***"},
		{"cam --password=hunter2", "cannot log in with hunter2", "cannot log in with ***"},
		{"cam -i http://cam/?token=abcdef&x=1", "GET /?token=abcdef&x=1", "GET /?token=***&x=1"},
		{"cam", "somebody else's rtsp://a:b@c/", "somebody else's rtsp://***@c/"},
		{"cam -o -", "nothing", "nothing"},
	} {
		if got := hide(tt.says, secretsOf(strings.Fields(tt.line))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
	s, err := New(Options{Args: []string{"/usr/bin/ffmpeg", "-i", "rtsp://me:s3cret@cam/"}})
	if err != nil || s.String() != "exec:ffmpeg ..." {
		t.Errorf("%v, %v", s, err)
	}
}
