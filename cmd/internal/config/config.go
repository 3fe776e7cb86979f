// Package config is what the configuration files of the programs have in common:
// strict JSON, and how the program logs.
package config

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// Checked is a configuration that can say what is wrong with it.
type Checked interface{ Check() error }

// Read reads a file of at most limit bytes into c, which holds the defaults, and
// checks it. Names that c does not have are errors. A file that is not there is
// absent, the error that says how to make one. Before it is checked, each of over
// may change it.
func Read(path string, limit int64, c Checked, absent error, over ...func() error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent
	} else if err != nil {
		return exit.With(exit.Usage, err, "")
	}
	defer f.Close() // nothing was written
	data, err := durable.ReadAtMost(f, path, limit)
	if err != nil {
		return exit.With(exit.Usage, err, "")
	}
	if err := json.Unmarshal(data, c, json.RejectUnknownMembers(true)); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("read %s: %w", path, err), "names and types are documented in the README; nothing else is accepted")
	}
	for _, change := range over {
		if err := change(); err != nil {
			return exit.With(exit.Usage, err, "")
		}
	}
	if err := c.Check(); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("read %s: %w", path, err), "")
	}
	return nil
}

// Marshal returns a configuration as a file's text.
func Marshal(c Checked) ([]byte, error) {
	data, err := json.Marshal(c, jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

// Logging is how a program logs, to standard error.
type Logging struct {
	// LogLevel is one of debug, info, warn and error.
	LogLevel string `json:"logLevel"`
	// LogFormat is text or json.
	LogFormat string `json:"logFormat"`
}

// DefaultLogging is for people.
var DefaultLogging = Logging{LogLevel: "info", LogFormat: "text"}

// Check implements Checked.
func (l Logging) Check() error {
	if l.LogFormat != "text" && l.LogFormat != "json" {
		return errors.New("logFormat must be text or json")
	}
	_, err := l.level()
	return err
}

// Logger returns a logger that writes to w.
func (l Logging) Logger(w io.Writer) (*slog.Logger, error) {
	level, err := l.level()
	if err != nil {
		return nil, err
	}
	opts := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}

func (l Logging) level() (slog.Level, error) {
	var level slog.Level
	switch l.LogLevel {
	case "debug", "info", "warn", "error":
		return level, level.UnmarshalText([]byte(l.LogLevel))
	}
	return level, errors.New("logLevel must be debug, info, warn or error")
}

// Duration is a time.Duration that is written as text, as in "250ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
