package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
)

// Config is the file receiptwitness.json in a witness's directory. It is read
// strictly: a name that is not here is an error.
type Config struct {
	// Name is the witness's name in its signature lines, a URL without scheme as
	// in witness.example.com/w1. New keys are made for it.
	Name string `json:"name"`
	// Listen is the address to serve on, or "" to be reached by bastions only. The
	// flag --listen overrides it.
	Listen string `json:"listen"`
	// Bastions are C2SP https-bastions to connect to, as host:port.
	Bastions []string `json:"bastions"`
	// BehindProxy says that all that connects to Listen is a proxy of ours, which
	// appends to X-Forwarded-For the address that the client came from.
	BehindProxy bool `json:"behindProxy"`

	// PerLogPerSecond and PerLogBurst bound the cosignatures that one log gets, if
	// nothing else was agreed with it. 0 a second means any number.
	PerLogPerSecond float64 `json:"perLogPerSecond"`
	PerLogBurst     int     `json:"perLogBurst"`
	// PerClientPerSecond and PerClientBurst bound the requests of one address, log
	// or not. 0 a second means any number.
	PerClientPerSecond float64 `json:"perClientPerSecond"`
	PerClientBurst     int     `json:"perClientBurst"`

	// LogLevel is one of debug, info, warn and error; LogFormat is text or json.
	// The log goes to standard error.
	LogLevel  string `json:"logLevel"`
	LogFormat string `json:"logFormat"`
}

// defaultConfig is what init writes, and what a name that is left out means. The
// limits are far above what an honest log does, which is a checkpoint a second.
func defaultConfig() Config {
	return Config{
		Listen:             "127.0.0.1:7380",
		Bastions:           []string{},
		PerLogPerSecond:    10,
		PerLogBurst:        100,
		PerClientPerSecond: 100,
		PerClientBurst:     1000,
		LogLevel:           "info",
		LogFormat:          "text",
	}
}

// maxConfigBytes bounds the file, which is less than one.
const maxConfigBytes = 64 << 10

// readConfig reads and checks the configuration of the witness in dir.
func readConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, configName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failing(exitUsage, fmt.Errorf("there is no witness in %s: it has no %s", dir, configName), "make one with: receiptwitness init")
	} else if err != nil {
		return nil, failing(exitUsage, err, "")
	}
	defer f.Close() // nothing was written
	data, err := readAtMost(f, path, maxConfigBytes)
	if err != nil {
		return nil, failing(exitUsage, err, "")
	}
	c := defaultConfig()
	if err := json.Unmarshal(data, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, failing(exitUsage, fmt.Errorf("read %s: %w", path, err), "names and types are documented in the README; nothing else is accepted")
	}
	if err := c.check(); err != nil {
		return nil, failing(exitUsage, fmt.Errorf("read %s: %w", path, err), "")
	}
	return &c, nil
}

func (c *Config) check() error {
	if c.Name == "" {
		return errors.New("name is missing")
	}
	for _, addr := range c.Bastions {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("bastions: %q is not host:port", addr)
		}
	}
	if c.PerLogPerSecond < 0 || c.PerLogBurst < 0 || c.PerClientPerSecond < 0 || c.PerClientBurst < 0 {
		return errors.New("a limit must not be less than zero")
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return errors.New("logFormat must be text or json")
	}
	_, err := c.level()
	return err
}

func (c *Config) level() (slog.Level, error) {
	var level slog.Level
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
		return level, level.UnmarshalText([]byte(c.LogLevel))
	}
	return level, errors.New("logLevel must be debug, info, warn or error")
}

// marshal returns the file's text.
func (c *Config) marshal() ([]byte, error) {
	data, err := json.Marshal(c, jsontext.WithIndent("  "))
	return append(data, '\n'), err
}
