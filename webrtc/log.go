package webrtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// libraryLog lets what the libraries find worth a warning through at debug level:
// they warn about much that a public port has to expect.
type libraryLog struct {
	log   *slog.Logger
	scope string
}

func (l libraryLog) NewLogger(scope string) logging.LeveledLogger {
	return libraryLog{l.log, scope}
}

func (l libraryLog) tell(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("webrtc library", "scope", l.scope, "reason", fmt.Sprintf(format, args...))
	}
}

func (libraryLog) Trace(string)                        {}
func (libraryLog) Tracef(string, ...any)               {}
func (libraryLog) Debug(string)                        {}
func (libraryLog) Debugf(string, ...any)               {}
func (libraryLog) Info(string)                         {}
func (libraryLog) Infof(string, ...any)                {}
func (l libraryLog) Warn(msg string)                   { l.tell("%s", msg) }
func (l libraryLog) Warnf(format string, args ...any)  { l.tell(format, args...) }
func (l libraryLog) Error(msg string)                  { l.tell("%s", msg) }
func (l libraryLog) Errorf(format string, args ...any) { l.tell(format, args...) }
