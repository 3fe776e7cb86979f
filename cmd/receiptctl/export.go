package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/bundles"
)

type exportFlags struct {
	evidenceFlags
	org, from, to, out    string
	url, keyFile, account string
	options               report.Options
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export {BUNDLE... | --dir DIR | --url URL --key-file FILE | ARCHIVE.ZIP} [--policy POLICY.TXT] [--org ORG] [--from TIME] [--to TIME] -o FILE.ZIP",
		Short: "pack receipts, proofs and reports into one archive for procurement",
		Long: `Export packs the receipts of an organisation and a time into one zip: each receipt
as it was signed, all that proves it, the reports on controls as HTML, JSON, CSV
and OSCAL, a README for the person who opens it, and a manifest with hashes. What
many receipts share is in it once.

With --url the log itself exports all that it has of the organisation and the
time; receipts that were erased, or that the key may not read, are named as absent.
It wants a key with the scope receipts:export, and receipts:read for private ones.
With --policy what comes is verified and the reports are added; without, they can
be later, to the archive that the log made: receiptctl export ARCHIVE.ZIP. The log
makes none: a report is of whoever verified, by a policy of their own.

With --account, the account of an auditor (receiptctl audit --json), the report on
record-keeping under Article 12 of the EU AI Act is in it too, and the account.

Only bundles that verify are packed; the manifest lists the others as absent, with
the reason. The same bundles and options make the same archive, byte for byte.

  receiptctl verify procurement.zip --policy policy.txt

verifies all of it offline. The policy file is not in the archive: whoever verifies
must have it from a source of their own.

Exit status: 0 all given bundles packed, 1 one did not verify, 2 usage, 3 cannot
tell.`,
		Example: `  receiptctl export --url https://log.example.com --key-file export.key --org acme --from 2026-01-01 --to 2026-07-01 --policy policy.txt -o procurement.zip
  receiptctl export --dir bundles --policy policy.txt --org acme --from 2026-01-01 --to 2026-07-01 -o procurement.zip`,
		RunE: func(cmd *cobra.Command, args []string) error { return export(cmd, f, args) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "export from the log at this `URL`, not from bundles at hand")
	flags.StringVar(&f.keyFile, "key-file", "", "`file` with a key of the log's (default: $"+tokenVariable+")")
	flags.StringVar(&f.account, "account", "", "`file` with an auditor's account of the log, for the report on Article 12")
	flags.StringVar(&f.org, "org", "", "only this `organisation`, as its receipts call it")
	flags.StringVar(&f.from, "from", "", "only receipts logged at or after this `time` (2026-05-01 or 2026-05-01T10:00:00Z)")
	flags.StringVar(&f.to, "to", "", "only receipts logged before this `time`")
	flags.StringVar(&f.options.Where, "where", "", "only receipts for which this `rule` holds")
	flags.IntVar(&f.options.Samples, "samples", 5, "how many receipts to draw as samples for each control")
	flags.StringVar(&f.options.Seed, "seed", "", "a `text` of your own that draws other samples")
	flags.IntVar(&f.options.List, "list", 1000, "how many receipts each list of the report has at most; totals are exact")
	flags.StringVarP(&f.out, "out", "o", "", "`file` to write; must not exist")
	return cmd
}

// packed is a bundle to be packed: what it is and where to read it again.
type packed struct {
	origin string
	index  uint64
	size   uint64            // of the tree it is proven in
	note   [sha256.Size]byte // hash of that checkpoint
	sum    [sha256.Size]byte // hash of the bundle
	place  bundles.Place
}

func export(cmd *cobra.Command, f exportFlags, files []string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	if f.url != "" {
		if len(files) > 0 || len(f.dirs) > 0 {
			return exit.Misused(cmd, "--url is in place of bundles at hand")
		}
		return exportFromLog(cmd, f)
	}
	if len(files) == 1 && len(f.dirs) == 0 && isArchive(files[0]) {
		return f.addReports(cmd, files[0])
	}
	c, err := f.catalogue()
	if err != nil {
		return err
	}
	record, err := f.record(cmd)
	if err != nil {
		return err
	}
	var found []packed
	var absent []procurement.Absence
	r, err := f.collect(cmd, c, f.options, files, func(b bundles.Bundle, e *report.Examined) {
		record.add(record.hold(e))
		if why := e.Rejection(); why != nil {
			absent = append(absent, procurement.Absence{Index: why.ClaimedIndex, Name: why.Name, Why: string(why.Code), Detail: why.Detail})
		}
		if e.Counts() {
			origin, index := e.Place()
			size, note := e.Checkpoint()
			found = append(found, packed{origin, index, size, note, sha256.Sum256(b.Data), b.Place})
		}
	})
	if err != nil {
		return err
	}
	// Of several bundles of one receipt the one that the report goes by is first.
	slices.SortFunc(found, func(a, b packed) int {
		return cmp.Or(strings.Compare(a.origin, b.origin), cmp.Compare(a.index, b.index),
			cmp.Compare(b.size, a.size), slices.Compare(b.note[:], a.note[:]), slices.Compare(a.sum[:], b.sum[:]))
	})
	found = slices.CompactFunc(found, func(a, b packed) bool { return a.origin == b.origin && a.index == b.index })
	slices.SortFunc(absent, func(a, b procurement.Absence) int { return strings.Compare(a.Name, b.Name) })
	made, err := f.reports(cmd, r, record)
	if err != nil {
		return err
	}
	if err := f.write(cmd, made, found, absent); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s packed, %d absent\n", f.out, counted(len(found), "receipt"), len(absent))
	return exit.Silently(exitOfEvidence(r))
}

// check holds the flags to what can be done, and makes them one rule.
func (f *exportFlags) check(cmd *cobra.Command) error {
	if f.out == "" {
		return exit.Misused(cmd, "say where to write the archive, with -o FILE.ZIP")
	}
	if f.account != "" && f.policy == "" {
		return exit.Misused(cmd, "an account goes into a report, which wants --policy FILE")
	}
	if strings.Contains(f.org, "'") {
		return exit.Misused(cmd, "--org %q is no organisation's name", f.org)
	}
	if f.org != "" {
		rule := "build.org = '" + f.org + "'"
		if f.options.Where != "" {
			rule = "(" + f.options.Where + ") and " + rule
		}
		f.options.Where = rule
	}
	c := controlsFlags{from: f.from, to: f.to, options: f.options}
	if err := c.check(cmd); err != nil {
		return err
	}
	f.options = c.options
	return nil
}

// scope says in words what was asked for.
func (f *exportFlags) scope() string {
	words := "all receipts given"
	if f.org != "" {
		words = "organisation " + f.org
	}
	if f.from != "" {
		words += ", from " + f.from
	}
	if f.to != "" {
		words += ", until " + f.to
	}
	return words
}

// write streams the archive, whole or not at all.
func (f *exportFlags) write(cmd *cobra.Command, reports []reportFile, found []packed, absent []procurement.Absence) error {
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exit.With(exit.Usage, fmt.Errorf("%s exists already", f.out), "nothing was written; choose another name or remove it first")
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	buffer := bufio.NewWriterSize(file, 1<<20)
	err = f.pack(cmd, buffer, reports, found, absent)
	if err := errors.Join(err, buffer.Flush(), file.Close()); err != nil {
		os.Remove(f.out)
		return err
	}
	return nil
}

func (f *exportFlags) pack(cmd *cobra.Command, to io.Writer, reports []reportFile, found []packed, absent []procurement.Absence) error {
	w := procurement.NewWriter(to, f.scope())
	bar := newProgress(cmd.ErrOrStderr(), "packed", len(found))
	defer bar.clear()
	for _, p := range found {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		data, err := p.place.Read()
		if err != nil {
			return cannotRead(err)
		}
		if sha256.Sum256(data) != p.sum {
			return exit.With(exit.CannotTell, fmt.Errorf("%s was changed in the meantime", p.place.Path), "nothing was written; try again")
		}
		b, err := bundle.Parse(data)
		if err == nil {
			err = w.Add(b)
		}
		if err != nil {
			return fmt.Errorf("pack %s: %w", p.place.Path, err)
		}
		bar.step()
	}
	for _, a := range absent {
		w.Absent(a)
	}
	return addReports(w, reports)
}
