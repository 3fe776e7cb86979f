package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log"
)

type initFlags struct {
	dir, origin, listen, url string
	issuers, pins            []string
	adminKey                 string
}

func newInit() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --dir DIR --origin NAME",
		Short: "make a new log",
		Long: `Init makes the directory of a new log:

  receiptlog.json    the configuration, to be edited by hand
  log-ed25519.key    the two keys that sign checkpoints; only you can read them
  log-mldsa44.key
  policy.txt         for those who verify: which log keys to trust
  issuers/           DID documents of issuers, pinned by hand
  data/              the database

It prints the first API key, with which others are made (receiptlog key), once;
with --admin-key it writes it to a file instead.

Nothing is overwritten. Keep copies of the key files in a safe place: they
cannot be made again, and the log cannot go on without them.

Exit status: 0 made, 1 not made, 2 usage.`,
		Example: `  receiptlog init --dir /var/lib/receiptlog --origin log.example.com/receipts \
      --issuer did:web:example.com --pin example.com.did.json`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return initLog(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "`directory` to make the log in")
	flags.StringVar(&f.origin, "origin", "", "the log's `name`: its URL without scheme, as in log.example.com; never changes")
	flags.StringVar(&f.listen, "listen", defaultConfig().Listen, "`address` to serve on")
	flags.StringVar(&f.adminKey, "admin-key", "", "`file` to write the administrator's API key to, instead of printing it")
	flags.StringVar(&f.url, "url", "", "public `URL` of the log, noted in policy.txt")
	flags.StringSliceVar(&f.issuers, "issuer", nil, "`DID` whose receipts are accepted (may be repeated)")
	flags.StringSliceVar(&f.pins, "pin", nil, "`file` with an issuer's DID document, which is accepted as an issuer too (may be repeated)")
	return cmd
}

func initLog(cmd *cobra.Command, f initFlags) error {
	if f.dir == "" || f.origin == "" {
		return exit.Misused(cmd, "say where and for whom, with --dir and --origin")
	}
	pinned, err := readPins(f.pins)
	if err != nil {
		return exit.Misused(cmd, "%v", err)
	}
	c := defaultConfig()
	c.Origin, c.Listen, c.Issuers = f.origin, f.listen, append(c.Issuers, f.issuers...)
	for _, doc := range pinned {
		if !slices.Contains(c.Issuers, doc.DID()) {
			c.Issuers = append(c.Issuers, doc.DID())
		}
	}
	if err := c.Check(); err != nil {
		return exit.Misused(cmd, "%v", err)
	}
	if _, err := os.Lstat(f.adminKey); f.adminKey != "" && err == nil {
		return exit.With(exit.Bad, fmt.Errorf("%s exists already and was left as it is", f.adminKey), "")
	}
	made, err := makeLog(f.dir, &c, pinned, f.url, f.adminKey)
	if err != nil {
		return err
	}
	return sayMade(cmd.OutOrStdout(), f.dir, &c, made)
}

// readPins reads DID documents before anything is made.
func readPins(files []string) ([]*did.Document, error) {
	var docs []*did.Document
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		doc, err := did.ParseDocument(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// makeLog makes everything in the directory. The configuration comes last, so
// that what was not finished is not a log.
func makeLog(dir string, c *Config, pinned []*did.Document, url, adminKey string) (made *madeLog, err error) {
	if err := os.MkdirAll(filepath.Join(dir, issuersName), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, configName)); err == nil {
		return nil, exit.With(exit.Bad, fmt.Errorf("there is a log in %s already, and it was left as it is", dir), "run it with: receiptlog serve --dir "+dir)
	}
	classic, err := generate(dir, ed25519Name, c.Origin, checkpoint.GenerateEd25519)
	if err != nil {
		return nil, err
	}
	quantum, err := generate(dir, mldsa44Name, c.Origin, checkpoint.GenerateMLDSA44)
	if err != nil {
		return nil, err
	}
	for i, doc := range pinned {
		if err := durable.Create(filepath.Join(dir, issuersName, fmt.Sprintf("issuer-%d.json", i+1)), append(doc.Canonical(), '\n'), 0o644); err != nil {
			return nil, err
		}
	}
	if err := durable.Create(filepath.Join(dir, policyName), policyText(c.Origin, url, classic, quantum), 0o644); err != nil {
		return nil, err
	}
	if err := log.Create(filepath.Join(dir, dataName), c.Origin); err != nil {
		return nil, err
	}
	made = &madeLog{vkeys: []string{classic, quantum}}
	if made.admin, err = makeAdmin(dir, c.Origin, adminKey); err != nil {
		return nil, err
	}
	text, err := config.Marshal(c)
	if err != nil {
		return nil, err
	}
	return made, durable.Create(filepath.Join(dir, configName), text, 0o644)
}

// madeLog is what has to be said about a log that was made.
type madeLog struct {
	vkeys []string
	admin string // the administrator's key, unless it went to a file
}

// makeAdmin makes the first API key, and returns it unless it is written to a
// file.
func makeAdmin(dir, origin, file string) (string, error) {
	key, err := inDirectory{dir, origin}.CreateKey(context.Background(), api.KeyRequest{Name: "administrator", Scopes: []api.Scope{api.ScopeAdmin}})
	if err != nil {
		return "", err
	}
	if file == "" {
		return key.Secret, nil
	}
	return "", durable.Create(file, []byte(key.Secret+"\n"), 0o600)
}

func sayMade(w io.Writer, dir string, c *Config, made *madeLog) error {
	fmt.Fprintf(w, "made the log %s in %s\n\n", c.Origin, dir)
	fmt.Fprintf(w, "its keys, for those who verify (in full in %s):\n", filepath.Join(dir, policyName))
	for _, vkey := range made.vkeys {
		fmt.Fprintf(w, "  %s\n", onOneLine(vkey))
	}
	if len(c.Issuers) == 0 {
		fmt.Fprintf(w, "\nno issuer may append yet: add DIDs to \"issuers\" in %s\n", filepath.Join(dir, configName))
	} else {
		fmt.Fprintf(w, "\nissuers that may append:\n")
		for _, name := range c.Issuers {
			fmt.Fprintf(w, "  %s\n", name)
		}
	}
	if made.admin != "" {
		fmt.Fprintf(w, "\nthe administrator's API key, which makes others and is shown only now:\n  %s\n", made.admin)
	}
	_, err := fmt.Fprintf(w, "\nrun it with: receiptlog serve --dir %s\n", dir)
	return err
}

// onOneLine cuts the 2,500 characters of an ML-DSA-44 key to what tells it from
// others: its name and key ID, and how it begins.
func onOneLine(vkey string) string {
	const most = 100
	if len(vkey) <= most {
		return vkey
	}
	return vkey[:most] + "…"
}
