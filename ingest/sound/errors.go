package sound

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// What is wrong with a sound card.
var (
	ErrNoCard     = fmt.Errorf("%w: there is no such sound card", camgate.ErrConnectionFailed)
	ErrBusy       = fmt.Errorf("%w: another program records from the sound card", camgate.ErrConnectionFailed)
	ErrPermission = fmt.Errorf("%w: camgate may not use the sound card: add its user to the group audio", camgate.ErrConnectionFailed)
	ErrNoFFmpeg   = fmt.Errorf("%w: ffmpeg is needed to record sound", camgate.ErrNotInstalled)
	ErrNoALSA     = fmt.Errorf("%w: this ffmpeg was built without ALSA", camgate.ErrNotInstalled)
)

// explain adds what ffmpeg's last words mean.
func explain(err error, device string) error {
	if err == nil || errors.Is(err, io.EOF) && !errors.As(err, new(*child.Error)) {
		return fmt.Errorf("%w: the recording ended by itself", camgate.ErrConnectionFailed)
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w (%w)", ErrNoFFmpeg, err)
	}
	said := strings.ToLower(err.Error())
	switch {
	case strings.Contains(said, "device or resource busy"):
		return fmt.Errorf("%w%s (%w)", ErrBusy, holder("/proc", device), err)
	case strings.Contains(said, "permission denied"):
		return fmt.Errorf("%w (%w)", ErrPermission, err)
	case strings.Contains(said, "unknown input format"):
		return fmt.Errorf("%w (%w)", ErrNoALSA, err)
	case strings.Contains(said, "no such file"), strings.Contains(said, "no such device"), strings.Contains(said, "cannot get card index"), strings.Contains(said, "cannot open audio device"):
		return fmt.Errorf("%w: %s (%w)", ErrNoCard, cards("/proc/asound/cards"), err)
	}
	return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
}

// cards tells which there are, as the system lists them.
func cards(file string) string {
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), "[") {
		return "this machine has none"
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		number, rest, ok := strings.Cut(strings.TrimSpace(line), " [")
		if _, err := strconv.Atoi(number); ok && err == nil {
			_, name, _ := strings.Cut(rest, " - ")
			out = append(out, "hw:"+number+" is "+name)
		}
	}
	return "there are: " + strings.Join(out, ", ")
}

// holder names the process that records from a card, where that can be seen.
func holder(proc, device string) string {
	_, card, ok := strings.Cut(device, "hw:")
	card, _, _ = strings.Cut(card, ",")
	if _, err := strconv.Atoi(card); !ok || err != nil {
		return ""
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(to, "/dev/snd/pcmC"+card+"D") || !strings.HasSuffix(to, "c") {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		return fmt.Sprintf(": %s, pid %s", strings.TrimSpace(string(name)), filepath.Base(dir))
	}
	return ""
}
