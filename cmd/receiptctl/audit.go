package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/audit"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// tokenVariable is the environment variable that holds a key of the log's:
// unlike a flag, others on the machine do not see it.
const tokenVariable = "RECEIPTLOG_TOKEN"

// auditMemory is where the garbage collector begins to work harder: an audit
// makes much garbage and keeps little, however large the log is.
const auditMemory = 96 << 20

// auditFlags are common to audit and monitor.
type auditFlags struct {
	url, policy, state string
	also               []string
	sample             uint64
	noBodies           bool
	workers            int
	floor, notice      string
	maxAge             time.Duration
	issuers            []string
	known              string
	json               bool
	out                string
}

func newAudit() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit --url URL --policy POLICY.TXT --state DIR",
		Short: "prove that a log kept what it promised, or find what it did not",
		Long: `Audit follows a log and distrusts it. All it trusts is the policy file. It reads
every entry since the last audit and hashes it into the root that the witnesses
cosigned; it works out which retention rules held when, what is owed, and what
may be gone; and it asks for every body, opens the entry's commitment with it
and verifies the issuer's signature. What is gone without a lawful erasure on
record is a finding that names the entry. What could not be looked at is counted
as not checked.

What it has verified is kept in the folder --state, so that the next audit goes
on from there, also after a crash.

  --sample N   ask for N bodies drawn at random, and state what that is worth
  --also URL   look at the same log from another address too, without a key:
               what one is shown and another is not is a finding
  --issuer     DID=MULTIKEY,…: report every key that is not among these
  --known FILE hashes of the receipts that the issuers signed, one a line:
               report every receipt of theirs that is not among them

Private bodies are read with an auditor's key in $` + tokenVariable + `. With one,
the log is also looked at without it.

Exit status: 0 nothing found, 1 findings, 2 usage, 3 could not tell.`,
		Example: `  receiptctl audit --url https://log.example.com --policy policy.txt --state ./audit
  receiptctl audit --url https://log.example.com --policy policy.txt --state ./audit --sample 1500
  receiptctl audit --url https://log.example.com --policy policy.txt --state ./audit --json -o account.json`,
		Args: noFiles,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAudit(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print the whole account as JSON; with -o it goes to the file, and a summary is printed")
	flags.StringVarP(&f.out, "out", "o", "-", "`file` to write the account to; must not exist")
	return cmd
}

func noFiles(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exit.Misused(cmd, "unexpected argument %q", args[0])
	}
	return nil
}

// add adds the flags that audit and monitor share.
func (f *auditFlags) add(cmd *cobra.Command) {
	addURLFlag(cmd, &f.url)
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `file`: which logs and witnesses to trust")
	flags.StringVar(&f.state, "state", "", "`folder` to keep what was verified in")
	flags.StringArrayVar(&f.also, "also", nil, "another `URL` of the same log, to compare")
	flags.Uint64Var(&f.sample, "sample", 0, "ask for `N` random bodies instead of all")
	flags.BoolVar(&f.noBodies, "no-bodies", false, "ask for no bodies")
	flags.IntVar(&f.workers, "workers", audit.DefaultWorkers, "how many requests to run side by side")
	flags.StringVar(&f.floor, "floor", retention.DefaultTerms.Floor.String(), "the least `period` that rules may keep receipts for")
	flags.StringVar(&f.notice, "notice", retention.DefaultTerms.Notice.String(), "the least notice `period` of rules that shorten")
	flags.DurationVar(&f.maxAge, "max-age", audit.DefaultMaxAge, "how old the latest cosignature may be")
	flags.StringArrayVar(&f.issuers, "issuer", nil, "`DID[=MULTIKEY,…]` to watch")
	flags.StringVar(&f.known, "known", "", "`file` with the SHA-256 of every receipt that the watched issuers signed")
	cmd.MarkFlagsMutuallyExclusive("sample", "no-bodies")
}

func runAudit(cmd *cobra.Command, f auditFlags) error {
	debug.SetMemoryLimit(auditMemory)
	options, store, err := f.options(cmd)
	if err != nil {
		return err
	}
	defer store.Close()
	bar := &auditBar{cmd: cmd}
	options.Progress = bar.show
	a, err := audit.New(options)
	if err != nil {
		return exit.With(exit.Usage, err, "the folder --state belongs to another audit, or is damaged; choose another")
	}
	account, err := a.Run(cmd.Context())
	bar.clear()
	if err != nil {
		return cannotAudit(cmd.Context(), err)
	}
	if err := f.report(cmd, account); err != nil {
		return err
	}
	return exit.Silently(int(account.Outcome()))
}

func cannotAudit(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return exit.With(exit.CannotTell, errors.New("interrupted"), "run it again: it goes on from where it was")
	}
	return exit.With(exit.CannotTell, err, "")
}

// report writes the account where it is wanted.
func (f *auditFlags) report(cmd *cobra.Command, account *account.Account) error {
	var out io.Writer = cmd.OutOrStdout()
	if f.out != "-" {
		var text strings.Builder
		if err := printJSON(&text, account); err != nil {
			return err
		}
		if err := writeNew(out, f.out, []byte(text.String())); err != nil {
			return err
		}
	}
	if f.json && f.out == "-" {
		return printJSON(out, account)
	}
	newPainter(out).account(account)
	return nil
}

// options makes the auditor's options of the flags, and opens its folder.
func (f *auditFlags) options(cmd *cobra.Command) (o audit.Options, store *audit.Dir, err error) {
	if f.policy == "" || f.state == "" {
		return o, nil, exit.Misused(cmd, "say which policy to trust, with --policy, and where to keep what was verified, with --state")
	}
	if o.Policy, err = loadPolicy(f.policy); err != nil {
		return o, nil, err
	}
	if o.Terms.Floor, err = period.Parse(f.floor); err != nil {
		return o, nil, exit.Misused(cmd, "--floor: %v", err)
	}
	if o.Terms.Notice, err = period.Parse(f.notice); err != nil {
		return o, nil, exit.Misused(cmd, "--notice: %v", err)
	}
	if err := f.views(cmd, &o); err != nil {
		return o, nil, err
	}
	if o.Watch, err = f.watch(cmd); err != nil {
		return o, nil, err
	}
	o.Workers, o.MaxAge, o.Sample = f.workers, f.maxAge, f.sample
	switch {
	case f.noBodies:
		o.Bodies = audit.NoBodies
	case f.sample > 0:
		o.Bodies = audit.SampleBodies
	}
	store, err = audit.OpenDir(f.state)
	if err != nil {
		return o, nil, exit.With(exit.Usage, err, "")
	}
	o.Store = store
	return o, store, nil
}

// views makes clients of the log: the auditor's, and those to compare with.
func (f *auditFlags) views(cmd *cobra.Command, o *audit.Options) error {
	anonymous, err := dial(cmd, f.url)
	if err != nil {
		return err
	}
	o.Log = anonymous
	if token := os.Getenv(tokenVariable); token != "" {
		o.Log, err = api.New(anonymous.URL(), api.Options{UserAgent: "receiptctl", Token: token})
		if err != nil {
			return exit.Misused(cmd, "%v", err)
		}
		o.Others = append(o.Others, anonymous)
	}
	for _, url := range f.also {
		other, err := api.New(url, api.Options{UserAgent: "receiptctl"})
		if err != nil {
			return exit.Misused(cmd, "--also: %v", err)
		}
		o.Others = append(o.Others, other)
	}
	return nil
}

// watch reads what is known about issuers.
func (f *auditFlags) watch(cmd *cobra.Command) ([]audit.Watch, error) {
	known, err := loadKnown(f.known)
	if err != nil {
		return nil, err
	}
	if known != nil && len(f.issuers) == 0 {
		return nil, exit.Misused(cmd, "--known goes with --issuer")
	}
	var watched []audit.Watch
	for _, text := range f.issuers {
		name, keys, found := strings.Cut(text, "=")
		w := audit.Watch{Issuer: name, Known: known}
		if found {
			w.Keys = strings.Split(keys, ",")
		}
		watched = append(watched, w)
	}
	return watched, nil
}

// loadKnown reads a file of hashes. No name means none.
func loadKnown(name string) (func([32]byte) bool, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, cannotRead(err)
	}
	defer file.Close()
	known := make(map[[32]byte]bool)
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		raw, err := hex.DecodeString(strings.TrimSpace(lines.Text()))
		if err != nil || len(raw) != 32 {
			return nil, exit.With(exit.Usage, fmt.Errorf("%s: line %d is no SHA-256 in hex", name, n), "receiptctl submit --json prints the hash of each receipt")
		}
		known[[32]byte(raw)] = true
	}
	if err := lines.Err(); err != nil {
		return nil, cannotRead(err)
	}
	return func(h [32]byte) bool { return known[h] }, nil
}
