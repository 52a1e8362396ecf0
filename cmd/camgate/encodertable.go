package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// encodable returns the codecs that there are encoders for.
func encodable() []camgate.Codec { return []camgate.Codec{camgate.H264, camgate.H265, camgate.MJPEG} }

const (
	tableTime = time.Minute            // for which a table is good
	tableWait = 500 * time.Millisecond // for one that takes no trials
)

// encoderTable is what the API tells of the encoders. They are tried when somebody asks,
// while requests are answered with what is known by then.
type encoderTable struct {
	encoders *encode.Encoders
	size     [2]int
	fps      float64
	ask      chan struct{}

	mu    sync.Mutex
	table tableJSON
	busy  chan struct{} // closed when the table is complete; nil: nobody is at it
}

// tableJSON is the API's answer; docs/api.md describes it.
type tableJSON struct {
	State    string         `json:"state"` // proving, proved, failed
	Error    string         `json:"error"`
	Size     string         `json:"size"`
	FPS      float64        `json:"fps"`
	ProvedAt *time.Time     `json:"proved_at"`
	Encoders []encode.Proof `json:"encoders"`
}

func newEncoderTable(encoders *encode.Encoders) *encoderTable {
	return &encoderTable{encoders: encoders, size: [2]int{1280, 720}, fps: 30, ask: make(chan struct{}, 1)}
}

// Table returns the table, and has it made anew if it is old.
func (t *encoderTable) Table(ctx context.Context) any {
	t.mu.Lock()
	if at := t.table.ProvedAt; t.busy == nil && (at == nil || time.Since(*at) > tableTime) {
		t.busy = make(chan struct{})
		t.table.State = "proving"
		t.ask <- struct{}{} // there is room: nobody else is busy
	}
	busy := t.busy
	t.mu.Unlock()
	if busy != nil {
		select {
		case <-busy:
		case <-time.After(tableWait):
		case <-ctx.Done():
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.table
	out.Size, out.FPS = fmt.Sprintf("%dx%d", t.size[0], t.size[1]), t.fps
	out.Encoders = append([]encode.Proof{}, out.Encoders...)
	return out
}

// Run tries the encoders whenever it is asked to.
func (t *encoderTable) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.ask:
		}
		var list []encode.Proof
		var err error
		for _, codec := range encodable() {
			var of []encode.Proof
			of, err = t.encoders.Prove(ctx, encode.Settings{Codec: codec, Width: t.size[0], Height: t.size[1], FPS: t.fps})
			if err != nil {
				break
			}
			if list = append(list, of...); t.first() {
				t.show(list)
			}
		}
		t.finish(list, err)
	}
}

// first reports whether there has been no complete table yet.
func (t *encoderTable) first() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table.ProvedAt == nil
}

func (t *encoderTable) show(list []encode.Proof) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.table.Encoders = list
}

func (t *encoderTable) finish(list []encode.Proof, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now().UTC()
	t.table = tableJSON{State: "proved", ProvedAt: &now, Encoders: list}
	if err != nil {
		t.table = tableJSON{State: "failed", Error: err.Error()}
	}
	close(t.busy)
	t.busy = nil
}
