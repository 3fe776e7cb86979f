package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
)

// ErrRollback says that a checkpoint was published that the tree does not
// extend: the data directory, or a part of it, is older than what was promised.
// Nothing may be signed any more.
var ErrRollback = errors.New("tree does not extend the published checkpoint")

// publisher makes checkpoints of the durable tree, and is the only one to do so.
type publisher struct {
	db     *kv.DB
	store  *cas.Store
	reader *Reader
	opts   Options

	frozen bool // the published checkpoint is the last one

	interval  time.Duration // least time between publications
	republish time.Duration // most time between publications; 0: no bound
	sign      func(ctx context.Context, size uint64, root []byte) ([]byte, error)

	grown   chan struct{} // the durable tree may have grown
	amended chan struct{} // there may be amendments
	amends  amendments
	hurried chan struct{} // closed once interval does not count any more
	hurry   func()
}

func newPublisher(db *kv.DB, store *cas.Store, r *Reader, opts Options, append *tessera.AppendOptions) *publisher {
	p := &publisher{
		db: db, store: store, reader: r, opts: opts,
		interval:  append.CheckpointInterval(),
		republish: append.CheckpointRepublishInterval(),
		sign:      append.CheckpointPublisher(r, nil),
		grown:     make(chan struct{}, 1),
		amended:   make(chan struct{}, 1),
		hurried:   make(chan struct{}),
	}
	p.hurry = onceClose(p.hurried)
	return p
}

// begin checks, before anything is signed, that the tree extends what was
// published (I5), and makes the first publication of a log.
func (p *publisher) begin(ctx context.Context) error {
	signed, err := p.reader.Frozen()
	if err != nil {
		return err
	}
	if p.frozen = signed != nil; p.refused() != nil {
		return nil // who signs nothing cannot fork; run says why nothing is published
	}
	if err := p.reader.extends(p.reader.durable.Load()); err != nil {
		return err
	}
	if p.reader.published.Load().signed != nil {
		return nil
	}
	err = p.publish(ctx)
	var cosign *cosignError
	if errors.As(err, &cosign) {
		p.opts.Logger.Warn("not published yet", "err", err)
		return nil // run tries again
	}
	return err
}

// integrated tells the publisher that the durable tree has grown.
func (p *publisher) integrated() {
	select {
	case p.grown <- struct{}{}:
	default: // it knows
	}
}

// run publishes whenever something is to be published and the interval since the
// last publication, or attempt, has passed, until ctx ends.
func (p *publisher) run(ctx context.Context) {
	var failing retry
	for p.awaitNews(ctx) && p.awaitInterval(ctx) {
		err := p.publish(ctx)
		if err == nil {
			failing.succeeded(p.opts.Logger)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrFrozen) {
			return
		}
		failing.failed(p.opts.Logger, err)
		if errors.Is(err, ErrRollback) || p.db.Err() != nil {
			return
		}
		if !p.sleep(ctx, failing.pause(max(p.interval, minRetry)), nil) {
			return
		}
	}
}

// awaitNews waits until the tree is ahead of what is published, or that is too
// old. It returns false when ctx has ended.
func (p *publisher) awaitNews(ctx context.Context) bool {
	for {
		pub := p.reader.published.Load()
		if pub.signed == nil || p.reader.durable.Load().size != pub.size {
			return ctx.Err() == nil
		}
		var due <-chan time.Time
		if p.republish > 0 {
			due = time.After(p.republish - p.opts.Now().Sub(pub.at))
		}
		select {
		case <-ctx.Done():
			return false
		case <-due:
			return true
		case <-p.grown:
		case <-p.amended:
			p.amend()
		}
	}
}

func (p *publisher) awaitInterval(ctx context.Context) bool {
	pub := p.reader.published.Load()
	if pub.signed == nil {
		return ctx.Err() == nil
	}
	wait := p.interval - p.opts.Now().Sub(pub.at)
	return p.sleep(ctx, min(wait, p.interval), p.hurried) // a clock set back must not stall the log
}

// publish makes the checkpoint of the durable tree, has it cosigned, stores it
// and only then lets it be seen.
func (p *publisher) publish(ctx context.Context) (err error) {
	if err := p.refused(); err != nil {
		return err // I5
	}
	ctx, end := p.opts.Step(ctx, StepPublish)
	defer func() { end(err) }()
	state := p.reader.durable.Load() // I3: nothing else is ever signed
	if err := p.reader.extends(state); err != nil {
		return err
	}
	signed, err := p.signed(ctx, state)
	if err != nil {
		return err
	}
	if p.opts.Cosign != nil {
		if signed, err = p.cosigned(ctx, state, signed); err != nil {
			return err
		}
	}
	_, stored := p.opts.Step(ctx, StepStore)
	err = p.replace(newPublication(*state, p.opts.Now(), signed))
	stored(err)
	return err
}

// signed makes the checkpoint of a state.
func (p *publisher) signed(ctx context.Context, state *treeState) ([]byte, error) {
	ctx, end := p.opts.Step(ctx, StepSign)
	signed, err := p.sign(ctx, state.size, state.root[:])
	end(err)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, checkBody(signed, p.db.Origin(), state)
}

// cosigned has a checkpoint cosigned.
func (p *publisher) cosigned(ctx context.Context, state *treeState, signed []byte) ([]byte, error) {
	ctx, end := p.opts.Step(ctx, StepCosign)
	signed, err := p.opts.Cosign(ctx, state.size, state.root, signed)
	end(err)
	if err != nil {
		return nil, &cosignError{err}
	}
	if err := checkBody(signed, p.db.Origin(), state); err != nil {
		return nil, fmt.Errorf("after cosigning: %w", err)
	}
	return signed, nil
}

// replace makes next the published checkpoint.
func (p *publisher) replace(next *publication) error {
	prev := p.reader.published.Load()
	err := p.store.Update(PublishedName, func(b *kv.Batch, current []byte) ([]byte, error) {
		if !bytes.Equal(current, prev.record) {
			return nil, fmt.Errorf("%w: the stored one changed under the log", ErrRollback)
		}
		b.Set(kv.PublishedKey(next.size, next.at.UnixNano()), next.signed)
		if p.opts.WithPublication != nil {
			if err := p.opts.WithPublication(b, next.size, next.at); err != nil {
				return nil, err
			}
		}
		return next.record, nil
	})
	if err != nil {
		return fmt.Errorf("store checkpoint: %w", err)
	}
	// I4: it is durable, so now it may be seen.
	p.reader.published.Store(next)
	close(prev.superseded)
	if p.opts.OnPublish != nil {
		p.opts.OnPublish(next.size, next.signed)
	}
	return nil
}

// cosignError marks a failure of Options.Cosign, which passes.
type cosignError struct{ err error }

func (e *cosignError) Error() string { return "cosign checkpoint: " + e.err.Error() }
func (e *cosignError) Unwrap() error { return e.err }
