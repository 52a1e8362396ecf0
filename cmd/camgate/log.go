package main

import (
	"io"
	"log/slog"

	"github.com/camgate/camgate/cmd/camgate/config"
)

// newLogger makes the logger of the program. What it says of errors of libraries
// passes through config.Redact, as those may repeat a URL.
func newLogger(w io.Writer, opts config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(opts.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr}
	if opts.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func redactAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(config.Redact(v))
	case error:
		a.Value = slog.StringValue(config.Redact(v.Error()))
	}
	return a
}
