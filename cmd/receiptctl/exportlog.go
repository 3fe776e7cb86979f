package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// exportFromLog has the log make the archive, verifies it if there is a policy,
// and adds the reports, which the log is not trusted to make.
func exportFromLog(cmd *cobra.Command, f exportFlags) (err error) {
	if f.org == "" {
		return exit.Misused(cmd, "say whose receipts the log shall export, with --org")
	}
	client, err := f.dial(cmd)
	if err != nil {
		return err
	}
	raw := f.out + ".part"
	for _, name := range []string{f.out, raw} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return exit.With(exit.Usage, fmt.Errorf("%s exists already", name), "nothing was written; choose another name or remove it first")
		}
	}
	defer os.Remove(raw)
	if err := f.download(cmd, client, raw); err != nil {
		return err
	}
	if f.policy == "" {
		return f.keep(cmd, raw)
	}
	return f.addReports(cmd, raw)
}

func (f *exportFlags) dial(cmd *cobra.Command) (*api.Client, error) {
	token := os.Getenv(tokenVariable)
	if f.keyFile != "" {
		secret, err := durable.ReadSecret(f.keyFile)
		if err != nil {
			return nil, exit.With(exit.Usage, err, "")
		}
		token = strings.TrimSpace(string(secret))
	}
	if token == "" {
		return nil, exit.Misused(cmd, "exporting from a log wants a key with the scope receipts:export, with --key-file or $%s", tokenVariable)
	}
	client, err := api.New(f.url, api.Options{UserAgent: "receiptctl", Token: token})
	if err != nil {
		return nil, exit.Misused(cmd, "%v", err)
	}
	return client, nil
}

// download writes what the log exports to a file.
func (f *exportFlags) download(cmd *cobra.Command, client *api.Client, name string) error {
	r := api.ExportRequest{Org: f.org}
	for _, bound := range []struct {
		into *time.Time
		text string
	}{{&r.From, f.from}, {&r.To, f.to}} {
		if bound.text == "" {
			continue
		}
		at, err := parseMoment(bound.text)
		if err == nil {
			*bound.into, err = time.Parse(time.RFC3339, at)
		}
		if err != nil {
			return exit.Misused(cmd, "%v", err)
		}
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	bar := newProgress(cmd.ErrOrStderr(), "received KiB:", 0)
	err = client.Export(cmd.Context(), r, &counter{file, bar, 0})
	bar.clear()
	if err := errors.Join(err, file.Close()); err != nil {
		return exportRefused(err)
	}
	return nil
}

// counter shows how much came.
type counter struct {
	file *os.File
	bar  *progress
	odd  int
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	for c.odd += len(p); c.odd >= 1<<10; c.odd -= 1 << 10 {
		c.bar.step()
	}
	return c.file.Write(p)
}

func exportRefused(err error) error {
	switch p, ok := errors.AsType[*api.Problem](err); {
	case errors.Is(err, context.Canceled):
		return err
	case ok && p.Status < 500:
		return exit.With(exit.Bad, err, "")
	}
	return exit.With(exit.CannotTell, err, "nothing was written; try again")
}

// keep keeps the archive as the log made it.
func (f *exportFlags) keep(cmd *cobra.Command, raw string) error {
	a, file, err := openArchive(raw)
	if err != nil {
		return err
	}
	m := a.Manifest()
	if err := errors.Join(file.Close(), os.Rename(raw, f.out)); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s packed, %d absent; not verified: receiptctl verify %s --policy policy.txt\n",
		f.out, counted(m.Receipts, "receipt"), m.AbsentReceipts(), f.out)
	return nil
}

// openArchive opens an archive that the log has just made.
func openArchive(name string) (*procurement.Archive, *os.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, cannotRead(err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(cannotRead(err), file.Close())
	}
	a, err := procurement.Open(file, info.Size())
	if err != nil {
		return nil, nil, errors.Join(exit.With(exit.Bad, fmt.Errorf("what the log sent: %w", err), ""), file.Close())
	}
	return a, file, nil
}

// addReports verifies the archive and writes it with the reports.
func (f *exportFlags) addReports(cmd *cobra.Command, raw string) (err error) {
	p, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	policyFile, err := readInput(nil, f.policy, policy.MaxBytes)
	if err != nil {
		return err
	}
	c, err := f.catalogue()
	if err != nil {
		return err
	}
	a, file, err := openArchive(raw)
	if err != nil {
		return err
	}
	defer file.Close()
	record, err := f.record(cmd)
	if err != nil {
		return err
	}
	v, made, err := judgeArchive(cmd, a, p, policyFile, &wantedReport{c, f.options, record})
	if err != nil {
		return err
	}
	if v.exit == exit.Bad {
		v.show(cmd.OutOrStdout(), "what the log sent")
		return exit.With(exit.Bad, errors.New("what the log exported does not verify"), "nothing was written")
	}
	reports, err := f.reports(cmd, made, record)
	if err != nil {
		return err
	}
	if err := f.repack(a, reports); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s packed, %d absent\n", f.out, counted(v.Good, "receipt"), absentReceipts(v.Absent))
	return nil
}

func (f *exportFlags) repack(a *procurement.Archive, reports []reportFile) error {
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exit.With(exit.Usage, fmt.Errorf("%s exists already", f.out), "nothing was written; choose another name or remove it first")
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	buffer := bufio.NewWriterSize(file, 1<<20)
	w := procurement.NewWriter(buffer, a.Manifest().Scope)
	if err = w.Copy(a); err == nil {
		err = addReports(w, reports)
	}
	if err := errors.Join(err, buffer.Flush(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(f.out))
	}
	return nil
}
