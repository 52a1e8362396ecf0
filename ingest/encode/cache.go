package encode

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	cacheFile    = "encoders.json"
	cacheVersion = 1
	maxCache     = 1 << 20 // bytes
)

// cache is the file in the state directory. It only saves time: what is damaged, of
// another version or of another machine is as good as none.
type cache struct {
	Version int              `json:"version"`
	Machine string           `json:"machine"`
	Proofs  map[string]proof `json:"proofs"`
}

// stampOf is what proofs depend on: the program's file, the kernel with its drivers,
// and the devices.
func (e *Encoders) stampOf(path string) string {
	h := fnv.New64a()
	file := path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		file = real
	}
	if info, err := os.Stat(file); err == nil {
		fmt.Fprintln(h, file, info.Size(), info.ModTime().UnixNano())
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Write(release)
	}
	for _, pattern := range []string{"/dev/dri/renderD*", "/dev/video*", "/dev/nvidia*", "/dev/mpp_service"} {
		nodes, _ := filepath.Glob(pattern)
		for _, node := range nodes {
			name, _ := os.ReadFile("/sys/class/video4linux/" + filepath.Base(node) + "/name")
			fmt.Fprintln(h, node, string(name))
		}
	}
	fmt.Fprintln(h, runtime.NumCPU(), e.environ())
	return fmt.Sprintf("%016x", h.Sum64())
}

// environ is what children see: where drivers are, and which.
func (e *Encoders) environ() []string {
	env := slices.Clone(e.opts.Env)
	for _, v := range os.Environ() {
		for _, prefix := range []string{"LIBVA_", "CUDA_", "NVIDIA_", "MFX_", "ONEVPL_", "INTEL_", "MESA_", "XDG_RUNTIME_DIR="} {
			if strings.HasPrefix(v, prefix) {
				env = append(env, v)
			}
		}
	}
	slices.Sort(env)
	return env
}

// load reads what was proved earlier, by this machine as it is now.
func (e *Encoders) load(machine string) map[string]proof {
	none := map[string]proof{}
	if e.opts.StateDir == "" {
		return none
	}
	f, err := os.Open(filepath.Join(e.opts.StateDir, cacheFile))
	if err != nil {
		return none
	}
	defer f.Close()
	var c cache
	if err := json.NewDecoder(io.LimitReader(f, maxCache)).Decode(&c); err != nil || c.Version != cacheVersion || c.Machine != machine || c.Proofs == nil {
		return none
	}
	return c.Proofs
}

// save writes the file anew, at once, so that nobody sees half of it. That it cannot be
// written is told once a start: the next start then takes a little longer.
func (e *Encoders) save() {
	if e.opts.StateDir == "" {
		return
	}
	e.mu.Lock()
	c := cache{Version: cacheVersion, Machine: e.stamp, Proofs: map[string]proof{}}
	now := time.Now()
	for k, p := range e.proofs {
		if p.valid(now) {
			c.Proofs[k] = p
		}
	}
	told := e.unsaved
	e.mu.Unlock()
	err := write(e.opts.StateDir, c)
	e.mu.Lock()
	e.unsaved = err != nil
	e.mu.Unlock()
	if err != nil && !told {
		e.opts.Logger.Warn("what encoders can do is not kept for the next start", "err", err)
	}
}

func write(dir string, c cache) error {
	data, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, cacheFile+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, cacheFile))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
