package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/config"
)

// fromFlags sets what serve was given flags for. Files that a flag names are
// relative to where the command is run, and not to the log's directory.
func (c *Config) fromFlags(cmd *cobra.Command) error {
	if err := config.FromFlags(c, cmd); err != nil {
		return err
	}
	for flag, path := range map[string]*string{"policy": &c.Policy, "tls-cert": &c.TLS.Cert, "tls-key": &c.TLS.Key} {
		if *path == "" || !cmd.Flags().Changed(flag) {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return nil
}
