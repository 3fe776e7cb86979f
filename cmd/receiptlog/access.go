package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log/httpapi"
)

// accessName is the file with the hashes of the keys that the log accepts.
const accessName = "access.txt"

type accessFlags struct{ dir, scope, name string }

func newAccess() *cobra.Command {
	var f accessFlags
	cmd := &cobra.Command{
		Use:   "access --dir DIR --scope auditor|operator --name NAME",
		Short: "make a key for an auditor or an operator",
		Long: `Access makes a key and prints it, once. The log keeps its hash only, in the
file ` + accessName + ` of its directory. A running log has to be started again to
know it; deleting its line takes it away.

  auditor    reads bodies that are not public
  operator   the same; sets rules, holds and erasures

Exit status: 0 made, 1 failed, 2 usage.`,
		Example: `  receiptlog access --dir /var/lib/receiptlog --scope auditor --name "Audit & Sons" > auditor.key`,
		Args:    exit.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return access(cmd, f) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "the log's `directory`")
	cmd.Flags().StringVar(&f.scope, "scope", "", "what the key allows: `auditor` or operator")
	cmd.Flags().StringVar(&f.name, "name", "", "whose key it is")
	return cmd
}

func access(cmd *cobra.Command, f accessFlags) error {
	if f.dir == "" {
		return exit.Misused(cmd, "say which log, with --dir")
	}
	if f.scope != httpapi.ScopeAuditor && f.scope != httpapi.ScopeOperator {
		return exit.Misused(cmd, "--scope is auditor or operator, not %q", f.scope)
	}
	if strings.TrimSpace(f.name) == "" || strings.ContainsAny(f.name, "\r\n") {
		return exit.Misused(cmd, "say whose key it is, with --name")
	}
	if _, err := readConfig(f.dir); err != nil {
		return err
	}
	old, err := readAccess(f.dir)
	if err != nil {
		return err
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails: crypto/rand ends the process instead
	token := "rl_" + base64.RawURLEncoding.EncodeToString(secret[:])
	text := ""
	for _, k := range append(old, httpapi.Key{Hash: sha256.Sum256([]byte(token)), Scope: f.scope, Name: f.name}) {
		text += k.Line()
	}
	if err := durable.Replace(filepath.Join(f.dir, accessName), []byte(text), 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
	return err
}

// readAccess reads the keys that the log in dir accepts. There may be none.
func readAccess(dir string) (httpapi.Keys, error) {
	path := filepath.Join(dir, accessName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, exit.With(exit.Usage, err, "")
	}
	keys, err := httpapi.ParseKeys(data)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read %s: %w", path, err), "lines are written by receiptlog access")
	}
	return keys, nil
}
