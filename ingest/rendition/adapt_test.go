package rendition

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// losing is what viewers with such losses say.
func losing(losses []float64) (all []camgate.Reception) {
	for _, lost := range losses {
		all = append(all, camgate.Reception{Lost: lost})
	}
	return all
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		losses []float64
		want   float64
	}{
		{"nobody", nil, 0},
		{"one", []float64{0.2}, 0.2},
		{"the worst of few", []float64{0, 0.2, 0.1}, 0.2},
		{"one bad of five", []float64{0, 0.3, 0, 0, 0}, 0},
		{"one bad of ten", []float64{0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0}, 0},
		{"three bad of ten", []float64{0.5, 0, 0.2, 0, 0.1, 0, 0, 0, 0, 0}, 0.1},
		{"all", []float64{0.1, 0.1, 0.1, 0.1, 0.1}, 0.1},
	} {
		if got := (&follower{}).judge(losing(tt.losses)); got.Lost != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestFollow(t *testing.T) {
	bounds := Adaptive{Min: 300_000, Max: 2_000_000}
	bad, good := []float64{0.15}, []float64{0}
	crowd := []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5}
	for _, tt := range []struct {
		name   string
		from   int
		losses []float64
		long   time.Duration
		least  int
		most   int
	}{
		{"begins at the most", 0, good, time.Second, 2_000_000, 2_000_000},
		{"begins within bounds", 9_000_000, good, time.Second, 2_000_000, 2_000_000},
		{"not in the first moments", 1_000_000, bad, 3 * time.Second, 1_000_000, 1_000_000},
		{"one step", 1_000_000, bad, 5 * time.Second, 700_000, 700_000},
		{"a smaller step", 1_000_000, []float64{0.05}, 5 * time.Second, 850_000, 850_000},
		{"down to the least", 2_000_000, bad, time.Minute, 300_000, 300_000},
		{"within half a minute", 2_000_000, bad, 30 * time.Second, 300_000, 500_000},
		{"it carries just that", 1_000_000, []float64{0.02}, time.Minute, 1_000_000, 1_000_000},
		{"up slowly", 1_000_000, good, 11 * time.Second, 1_150_000, 1_150_000},
		{"not at once", 1_000_000, good, 9 * time.Second, 1_000_000, 1_000_000},
		{"up to the most", 300_000, good, 5 * time.Minute, 2_000_000, 2_000_000},
		{"nobody says anything", 300_000, nil, 5 * time.Minute, 2_000_000, 2_000_000},
		{"one bad of ten", 1_000_000, crowd, 5 * time.Minute, 2_000_000, 2_000_000},
	} {
		start := time.Now()
		f := newFollower(bounds, tt.from, start)
		got := 0
		for d := time.Duration(0); d <= tt.long; d += time.Second {
			got = f.follow(start.Add(d), losing(tt.losses))
		}
		if got < tt.least || got > tt.most {
			t.Errorf("%s: %d, want %d to %d", tt.name, got, tt.least, tt.most)
		}
	}
}

// Who is known to carry so much gets a part of that in one step, but no more than without
// knowing it.
func TestFollowWhatIsCarried(t *testing.T) {
	for _, tt := range []struct {
		lost, carries float64
		want          int
	}{
		{0.1, 400_000, 340_000}, {0.05, 400_000, 340_000}, {0.1, 0, 700_000}, {0.1, 900_000, 700_000}, {0.05, 990_000, 841_500}, {0.1, 100_000, 300_000}, {0, 400_000, 1_000_000},
	} {
		start := time.Now()
		f := newFollower(Adaptive{Min: 300_000, Max: 2_000_000}, 1_000_000, start)
		if got := f.follow(start.Add(5*time.Second), []camgate.Reception{{Lost: tt.lost, Carries: tt.carries}, {}}); got != tt.want {
			t.Errorf("%v lost, %v carried: %d, want %d", tt.lost, tt.carries, got, tt.want)
		}
	}
}

// The bitrate follows the viewers: down for one who loses packets, and up when he has
// gone; for one bad one of ten it stays.
func TestAdaptive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := &bench{shop: shop}
		b.pair = newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
			b.source = New(Options{Parent: parent, Encoders: shop, Want: Settings{Bitrate: 1e6}, Adaptive: Adaptive{Min: 2e5, Max: 1e6}})
			return b.source
		})
		b.reader = b.read(t, b.child)
		defer b.close()
		bitrate := func() int {
			b.watch(t, 1, time.Hour)
			works := shop.works()
			n, _ := works[len(works)-1].state()
			return n
		}
		report := func(seconds int, readers []*camgate.Reader, lost ...float64) {
			for range seconds {
				for i, r := range readers {
					r.Report(lost[i], 0)
				}
				time.Sleep(time.Second)
			}
		}
		if got := bitrate(); got != 1e6 {
			t.Fatalf("it begins with %d", got)
		}
		bad := b.read(t, b.child)
		report(30, []*camgate.Reader{bad}, 0.1)
		if got := bitrate(); got > 4e5 || got < 2e5 {
			t.Errorf("%d although a viewer loses a tenth", got)
		}
		bad.Close()
		time.Sleep(3 * time.Minute)
		if got := bitrate(); got != 1e6 {
			t.Errorf("%d after the viewer went", got)
		}
		crowd := make([]*camgate.Reader, 10)
		for i := range crowd {
			crowd[i] = b.read(t, b.child)
			defer crowd[i].Close()
		}
		report(60, crowd, 0.3, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		if got := bitrate(); got != 1e6 {
			t.Errorf("%d for all, as one of ten has a bad network", got)
		}
	})
}

// A camera that was asked for its bitrate and compresses itself goes through as it is,
// whatever the viewers lose, and the stream says so.
func TestAdaptiveOfACameraThatCompresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := &bench{shop: shop}
		want := Settings{Bitrate: 1e6, Asked: true}
		b.pair = newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
			b.source = New(Options{Parent: parent, Encoders: shop, Want: want, Adaptive: Adaptive{Min: 2e5, Max: 1e6}})
			return b.source
		})
		b.reader = b.read(t, b.child)
		defer b.close()
		warned := func() bool {
			return slices.ContainsFunc(b.child.Info().Warnings, func(w string) bool { return strings.Contains(w, "adaptive has no effect") })
		}
		for range 30 {
			b.reader.Report(0.3, 0)
			for range 60 {
				next(t, b.reader)
			}
		}
		if info := b.child.Info(); len(shop.works()) != 0 || info.Encoder != "" || !warned() {
			t.Errorf("%d sessions, encoded by %q, %q", len(shop.works()), info.Encoder, info.Warnings)
		}
		// Once it is encoded anew, for another reason, it follows.
		want.Asked = false
		b.source.Set(want)
		for range 60 {
			b.reader.Report(0.3, 0)
			for range 60 {
				next(t, b.reader)
			}
		}
		works := shop.works()
		if len(works) == 0 || warned() {
			t.Fatalf("%d sessions, %q", len(works), b.child.Info().Warnings)
		}
		if n, _ := works[len(works)-1].state(); n >= 1e6 {
			t.Errorf("%d although the viewer loses a third", n)
		}
	})
}
