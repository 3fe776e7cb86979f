package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/armalo/receiptlog/cmd/internal/certificate"
	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// program begins the names of environment variables that stand for settings.
const program = "RECEIPTWITNESS"

// Config is the file receiptwitness.json in a witness's directory. It is read
// strictly: a name that is not here is an error. Each setting may also be given as a
// flag of serve, and as an environment variable: see config.Setting.
type Config struct {
	// Name is the witness's name in its signature lines, a URL without scheme as
	// in witness.example.com/w1. New keys are made for it.
	Name string `json:"name"`
	// Listen is the address to serve on, or "" to be reached by bastions only. The
	// flag --listen overrides it.
	Listen string `json:"listen"`
	// TLS says with which certificate to serve there. Bastions have their own.
	TLS certificate.Files `json:"tls"`
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

	config.Logging
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
		Logging:            config.DefaultLogging,
	}
}

// maxConfigBytes bounds the file, which is less than one.
const maxConfigBytes = 64 << 10

// readConfig reads and checks the configuration of the witness in dir. Environment
// variables go before the file, and over before both.
func readConfig(dir string, over ...func(*Config) error) (*Config, error) {
	c := defaultConfig()
	changes := []func() error{func() error { return config.FromEnvironment(&c, program) }}
	for _, change := range over {
		changes = append(changes, func() error { return change(&c) })
	}
	absent := exit.With(exit.Usage, fmt.Errorf("there is no witness in %s: it has no %s", dir, configName), "make one with: receiptwitness init")
	if err := config.Read(filepath.Join(dir, configName), maxConfigBytes, &c, absent, changes...); err != nil {
		return nil, err
	}
	return &c, nil
}

// Check says what is wrong with it.
func (c *Config) Check() error {
	if c.Name == "" {
		return errors.New("name is missing")
	}
	if err := c.TLS.Check(); err != nil {
		return err
	}
	for _, addr := range c.Bastions {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("bastions: %q is not host:port", addr)
		}
	}
	if c.PerLogPerSecond < 0 || c.PerLogBurst < 0 || c.PerClientPerSecond < 0 || c.PerClientBurst < 0 {
		return errors.New("a limit must not be less than zero")
	}
	return c.Logging.Check()
}
