package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/log/retention"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
)

// openKeeper takes up what the log has promised.
func (l *Log) openKeeper() (err error) {
	o := l.opts.Retention
	o.Now, o.Logger, o.OnDone = l.clock, l.logger, l.tellErased
	l.keeper, err = retention.Open(l.db, l.index, keeperLog{l}, o)
	return err
}

// keep lets the keeper work until ctx ends.
func (l *Log) keep(ctx context.Context) {
	l.keeping.Go(func() {
		if err := l.keeper.Run(ctx); err != nil {
			l.fail(fmt.Errorf("keep promises: %w", err))
		}
	})
}

// Keeper keeps the log's promises about bodies: rules, holds and erasures.
func (l *Log) Keeper() *retention.Keeper { return l.keeper }

// Handle returns the handle of an organisation that is known to the log, by its
// name; one that is not is not_logged.
func (l *Log) Handle(org string) (string, error) {
	h, err := l.index.LookupHandle(org)
	if errors.Is(err, index.ErrNotFound) {
		return "", verdict.Errorf(verdict.NotLogged, "org", "the log knows no such organisation")
	}
	return h.String(), err
}

// keeperLog is the log as its keeper needs it.
type keeperLog struct{ l *Log }

// Append implements retention.Log.
func (k keeperLog) Append(data []byte, r driver.Records) (durable func() (uint64, error)) {
	if err := k.l.accepting(); err != nil {
		return func() (uint64, error) { return 0, err }
	}
	added := k.l.add(data, r)
	return func() (uint64, error) {
		at, err := added()
		if err != nil {
			return 0, k.l.appendError(err)
		}
		return at.Index, nil
	}
}

// AwaitPublished implements retention.Log.
func (k keeperLog) AwaitPublished(ctx context.Context, at uint64) error {
	_, err := k.l.published.await(ctx, at)
	return err
}

// PublishedSize implements retention.Log.
func (k keeperLog) PublishedSize() uint64 {
	if p := k.l.Published(); p != nil {
		return p.Size()
	}
	return 0
}

// Refused implements retention.Log.
func (k keeperLog) Refused() error { return k.l.Refused() }

// Entries implements retention.Log.
func (k keeperLog) Entries(ctx context.Context, n uint64) ([][]byte, error) {
	size, _ := k.l.driver.Tree()
	width := tile.PartialWidth(0, n, size)
	if width == 0 {
		return nil, verdict.Errorf(verdict.NotLogged, "", "the log has no entries at %d", n*tile.Width)
	}
	data, err := k.l.driver.ReadEntryBundle(ctx, n, uint8(width%tile.Width))
	if err != nil {
		return nil, err
	}
	return tile.SplitEntries(data)
}

// ErasedError says that a receipt was erased, and by which entry. It is a
// *verdict.Error with the code erased below.
type ErasedError struct {
	Index, Erasure uint64
}

// Error implements error.
func (e *ErasedError) Error() string { return e.Unwrap().Error() }

// Unwrap gives the error its code.
func (e *ErasedError) Unwrap() error {
	return verdict.Errorf(verdict.Erased, "", "the receipt of entry %d was erased, as entry %d says", e.Index, e.Erasure)
}

// erased is the error of reading a body that was erased.
func (l *Log) erased(at uint64) error {
	by, err := retention.ErasedBy(l.db, at)
	if err != nil {
		return err
	}
	return &ErasedError{Index: at, Erasure: by}
}

// ErasedRun returns which receipts of a run, of those that the view shows, were
// erased, and by which entries.
func (l *Log) ErasedRun(runID string, v View) ([]*ErasedError, error) {
	sees, err := l.sees(v)
	if err != nil {
		return nil, err
	}
	erased, err := l.index.ErasedRun(runID)
	if err != nil {
		return nil, err
	}
	var seen []*ErasedError
	for _, e := range erased {
		if sees(e.Owner) {
			seen = append(seen, &ErasedError{Index: e.Leaf, Erasure: e.Erasure})
		}
	}
	return seen, nil
}

// Erasure returns the evidence of an erasure entry, under the latest published
// checkpoint, verified as any client would (I10).
func (l *Log) Erasure(ctx context.Context, at uint64) (*bundle.Erasure, error) {
	p, err := l.published.await(ctx, at)
	if err != nil {
		return nil, err
	}
	return l.erasureUnder(ctx, p, at)
}

// erasureUnder is [Log.Erasure] under a checkpoint that covers the entry.
func (l *Log) erasureUnder(ctx context.Context, p *Published, at uint64) (_ *bundle.Erasure, err error) {
	e := &bundle.Erasure{Index: at, Checkpoint: p.Signed}
	if e.Entry, err = l.entry(ctx, at); err != nil {
		return nil, err
	}
	if e.Hashes, err = p.prover.Inclusion(ctx, at); err != nil {
		return nil, err
	}
	if _, err := verify.Erasure(e, l.policy); err != nil {
		return nil, fmt.Errorf("verify our own evidence of an erasure: %w", err)
	}
	return e, nil
}

// Body is what the log has at an index for whoever knows no run.
type Body struct {
	Receipt bool // the entry is of a receipt at all
	Stored  *Stored
	Err     error // why there is no body: erased, or that of the database
}

// Body returns the body of the entry at an index of the published tree.
func (l *Log) Body(ctx context.Context, at uint64) Body {
	stored, err := l.load(ctx, at)
	if verdict.CodeOf(err) == verdict.NotLogged {
		return Body{}
	}
	return Body{Receipt: true, Stored: stored, Err: err}
}

// Salt opens the commitment of the entry.
func (s *Stored) Salt() [entry.SaltSize]byte { return s.salt }

// Missing reports whether a body is gone and nothing says that it was erased.
func Missing(err error) bool {
	return errors.Is(err, body.ErrNotFound) || errors.Is(err, body.ErrCorrupt)
}
