package pipe

import (
	"io"
	"testing"
	"time"

	"github.com/camgate/camgate/egress/child"
)

// What a program has written is read to its end when it has ended, whatever moment was
// waited for before.
func TestReadToTheEnd(t *testing.T) {
	for range 50 {
		err := child.Run(t.Context(), child.Command{Path: "sh", Args: []string{"-c", "read line; printf abc"}}, func(p *child.Process) error {
			in := &input{p: p}
			if err := in.SetReadDeadline(time.Now()); err != nil {
				t.Error(err)
			}
			p.Stdin.Close() // it may go on
			<-p.Done()
			if err := in.SetReadDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
			if b, err := io.ReadAll(in); err != nil || string(b) != "abc" {
				t.Errorf("%q, %v", b, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
