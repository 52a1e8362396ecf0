package rtsp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/camgate/camgate"
)

const (
	// udpSilence is how long nothing at all may come by UDP until TCP is tried;
	// udpControl is for when RTCP comes, so that there is a way.
	udpSilence = 1500 * time.Millisecond
	udpControl = 2200 * time.Millisecond
	// Loss is sustained when more than one packet in lossShare is missing in each of
	// lossWindows times lossWindow; of fewer than lossPackets nothing can be said.
	lossShare   = 20
	lossWindow  = 10 * time.Second
	lossWindows = 2
	// lossStart is such a share where there is no picture udpStart after the beginning.
	lossStart   = 50
	udpStart    = 1200 * time.Millisecond
	lossPackets = 50
	// brokenAfter is how long packets may come that nothing can be made of.
	brokenAfter = 5 * time.Second
)

// watch reports to the camera what arrives, and ends the session where UDP does not
// work.
func (p *pull) watch(ctx context.Context, feeds []*feed, live func() bool) {
	ticker := time.NewTicker(reportSilent)
	defer ticker.Stop()
	begin := time.Now()
	judge := udpJudge{begin: begin}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			var sum Reception
			for _, f := range feeds {
				f.feedback.tick(now)
				r := f.feedback.total()
				sum.Expected += r.Expected
				sum.Received += r.Received
				sum.Lost += r.Lost
				sum.Paused += r.Paused
				sum.SenderReports += r.SenderReports
			}
			if p.auto && p.transport == TransportUDP {
				if err := judge.judge(sum, live(), now); err != nil {
					p.end(err)
					return
				}
				if judge.good {
					p.source.udpWorks()
				}
			}
			if left(feeds, now) {
				p.end(fmt.Errorf("%w: the camera has ended the media (RTCP BYE)", camgate.ErrConnectionFailed))
				return
			}
			if now.Sub(begin) > brokenAfter {
				if err := undecodable(feeds); err != nil {
					p.end(err)
					return
				}
			}
		}
	}
}

// left tells whether the camera has taken its leave from all pictures, or from all
// there is where there are none.
func left(feeds []*feed, now time.Time) bool {
	pictures := slices.ContainsFunc(feeds, (*feed).video)
	return len(feeds) > 0 && !slices.ContainsFunc(feeds, func(f *feed) bool {
		return f.video() == pictures && !f.feedback.left(now)
	})
}

// undecodable returns why nothing comes of a session in which packets do.
func undecodable(feeds []*feed) (reason error) {
	for _, f := range feeds {
		if f.inlet == nil || f.inlet.units.Load() > 0 {
			return nil
		}
		if broken := f.inlet.broken.Load(); broken != nil {
			reason = fmt.Errorf("%w: %w", camgate.ErrDecoder, *broken)
		}
	}
	return reason
}

// udpJudge finds out whether UDP works.
type udpJudge struct {
	begin time.Time
	since time.Time // begin of the window
	at    Reception // then
	bad   int       // windows in a row
	good  bool      // the last one was
}

// judge takes what came so far, and whether that was enough for a picture; an error
// says why UDP does not work. In an outage TCP would have lost as much: what it took
// is left out.
func (j *udpJudge) judge(sum Reception, live bool, now time.Time) error {
	sum.Lost, sum.Expected = sum.Lost-sum.Paused, sum.Expected-sum.Paused
	if sum.Received == 0 {
		switch silent := now.Sub(j.begin); {
		case silent >= udpControl, silent >= udpSilence && sum.SenderReports == 0:
			return &udpError{reason: "nothing comes by UDP", silent: true}
		}
		return nil
	}
	if !live && now.Sub(j.begin) >= udpStart && lossy(sum.Lost, sum.Expected, lossStart) {
		return tooMuchLost(sum.Lost, sum.Expected) // keyframes are large: none may ever come whole
	}
	if j.since.IsZero() {
		j.since, j.at = now, sum
	}
	if now.Sub(j.since) < lossWindow {
		return nil
	}
	lost, expected := sum.Lost-j.at.Lost, sum.Expected-j.at.Expected
	j.since, j.at = now, sum
	if j.good = !lossy(lost, expected, lossShare); j.good {
		j.bad = 0
		return nil
	}
	if j.bad++; j.bad < lossWindows {
		return nil
	}
	return tooMuchLost(lost, expected)
}

func lossy(lost, expected, share int64) bool {
	return expected >= lossPackets && lost*share > expected
}

func tooMuchLost(lost, expected int64) error {
	return &udpError{reason: fmt.Sprintf("%d of 100 packets are lost by UDP", lost*100/expected)}
}
