// Package fsck checks everything that a log has stored, offline.
//
// It trusts the log's public keys and nothing else in the data directory. It
// recomputes every tile and root from the entries and compares them with the
// tiles, the tree state and the published checkpoint; it opens every body,
// matches it to its commitment and verifies its receipt with the issuer's
// document as it stood in the log; and it looks for every index row of every
// entry and for rows that belong to none. Before all that it reads every file of
// the database to its end and verifies the checksums in it, so that rot is found
// also where no row is read.
//
// What is wrong is reported by name, and the walk goes on, so that the report
// also says what still verifies. The database is opened read-only; nothing is
// repaired. A running log holds a lock and cannot be checked: [Run] then fails
// with kv.ErrLocked.
package fsck

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/log/seen"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
)

// Options say what to check.
type Options struct {
	// Dir is the data directory.
	Dir string
	// Origin is the log's name, and Policy trusts its own keys, any of which may
	// have signed.
	Origin string
	Policy *policy.Policy
	// Seen are signed checkpoints that somebody has seen of this log.
	Seen [][]byte
	// Progress is told now and then how many entries are checked of how many.
	// It may be nil. It is called from one goroutine.
	Progress func(done, total uint64)
	// Storage tunes the database. Create, ReadOnly and Origin are set by Run.
	Storage kv.Options
}

// Run checks the log. An error means that it could not be checked at all;
// damage is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	storage := o.Storage
	storage.Create, storage.ReadOnly, storage.Origin = false, true, o.Origin
	report := newReport(o.Origin)
	if err := checkLogs(report, o); err != nil {
		return nil, err
	}
	db, err := kv.Open(o.Dir, storage)
	if err != nil {
		return unopened(ctx, report, o, err)
	}
	err = check(ctx, db, o, report)
	if closing := db.Close(); err == nil && closing != nil {
		err = fmt.Errorf("close database: %w", closing)
	}
	return report, err
}

// checker is one run over one log.
type checker struct {
	opts   Options
	db     *kv.DB
	log    *driver.Reader
	index  *index.Index
	report *Report
	listed *listed // nil: the lists cannot be read

	published uint64 // size under the checkpoint
	root      [32]byte
	signed    bool // whether there is a checkpoint to compare with
}

func check(ctx context.Context, db *kv.DB, o Options, report *Report) error {
	c := &checker{opts: o, db: db, index: index.New(db), report: report}
	if err := c.checkTables(ctx); err != nil {
		return err
	}
	reader, err := driver.OpenReader(db)
	if err != nil {
		// Without a tree state there is no size to walk to.
		c.report.damage("tree state", "", err)
		return nil
	}
	c.log = reader
	c.openListed()
	if _, err := index.Open(db); err != nil {
		c.report.damage("index", "", err)
	}
	c.checkCheckpoint(ctx)
	for _, signed := range o.Seen {
		if err := seen.Check(ctx, reader, o.Policy, signed); err != nil {
			c.report.damage("checkpoint", "", err)
		}
	}
	if err := c.walk(ctx); err != nil {
		return err
	}
	c.checkStrays()
	c.checkListed()
	return nil
}

// checkCheckpoint verifies the published checkpoint's signatures.
func (c *checker) checkCheckpoint(ctx context.Context) {
	size, _ := c.log.Tree()
	c.report.Size = size
	signed, err := c.log.ReadCheckpoint(ctx)
	if err != nil {
		c.report.damage("checkpoint", "", err)
		return
	}
	verified, err := c.opts.Policy.Verify(signed)
	if err != nil {
		c.report.damage("checkpoint", "", err)
		return
	}
	cp := verified.Checkpoint
	c.report.Published = cp.Size
	if cp.Size > size {
		c.report.damage("checkpoint", "", fmt.Errorf("commits to %d entries, but the tree has %d: entries that were published are lost", cp.Size, size))
		return
	}
	c.published, c.root, c.signed = cp.Size, cp.Root, true
}
