package log

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log/step"
	"github.com/armalo/receiptlog/storage/driver"
)

// Published is a checkpoint that everybody may see: durable, and verified with
// the log's own policy, once, however many receipts are then proven under it.
// It never changes.
type Published struct {
	Signed   []byte           // the signed note as served at /checkpoint
	Verified *policy.Verified // what our own verifier found in it
	At       time.Time        // when it was published, by the log's clock

	prover *proof.Prover
	made   step.Place // where in a trace it was made, if anybody records that

	mu       sync.Mutex
	archived map[uint64]*archived // issuers' documents, by index
}

// Size is the number of entries that the checkpoint commits to.
func (p *Published) Size() uint64 { return p.Verified.Checkpoint.Size }

// Root is the root hash of the tree of that size.
func (p *Published) Root() [32]byte { return p.Verified.Checkpoint.Root }

// publication holds the latest [Published] and wakes those who wait for a
// later one. Safe for concurrent use.
type publication struct {
	latest atomic.Pointer[Published]

	mu   sync.Mutex
	next chan struct{} // closed when latest has been replaced

	endOnce sync.Once
	ended   chan struct{} // closed when nobody should wait for a later one
	why     error         // set before ended is closed
}

func newPublication() *publication {
	return &publication{next: make(chan struct{}), ended: make(chan struct{})}
}

// advance makes p the latest and wakes all waiters.
func (l *publication) advance(p *Published) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest.Store(p)
	close(l.next)
	l.next = make(chan struct{})
}

// end lets nobody wait any longer: there will be no later checkpoint, for a
// reason of which the first is kept. One may come all the same.
func (l *publication) end(why error) {
	l.endOnce.Do(func() {
		l.why = why
		close(l.ended)
	})
}

// await returns the latest published checkpoint that commits to index, as soon
// as there is one.
func (l *publication) await(ctx context.Context, index uint64) (*Published, error) {
	for {
		l.mu.Lock()
		p, next := l.latest.Load(), l.next
		l.mu.Unlock()
		if p != nil && p.Size() > index {
			return p, nil
		}
		select {
		case <-next:
		case <-l.ended:
			return nil, l.why
		case <-ctx.Done():
			return nil, fmt.Errorf("await publication of entry %d: %w", index, context.Cause(ctx))
		}
	}
}

// onPublish is told of each checkpoint that the driver made durable.
func (l *Log) onPublish(_ uint64, signed []byte) {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	if err := l.publish(signed); err != nil {
		l.fail(err)
	}
}

// step is a step of the publisher, as the driver's options want it: "publish", or one
// within that. Each publication is a trace of its own.
func (l *Log) step(ctx context.Context, name string) (context.Context, func(error)) {
	if name != driver.StepPublish {
		ctx, s := step.Start(ctx, name)
		return ctx, s.End
	}
	ctx, s := step.Root(ctx, l.opts.Tracer, name)
	size, _ := l.driver.Tree()
	s.Note("size", size)
	l.publishing.Lock()
	l.making = s.Place()
	l.publishing.Unlock()
	return ctx, s.End
}

// resumePublished takes up the checkpoint that was published before the log was
// opened. The driver runs already, and may have told of a later one.
func (l *Log) resumePublished() error {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	if l.Published() != nil {
		return nil
	}
	signed, at, err := l.lastPublished()
	if err != nil || signed == nil {
		return err
	}
	// Its witnesses are those of the policy that it was published with.
	verified, err := l.verifyPublished(signed, true)
	if err != nil {
		return err
	}
	l.show(signed, at, verified)
	return nil
}

// lastPublished returns the published checkpoint, or where the tree does not extend
// that, the last one that it does.
func (l *Log) lastPublished() (signed []byte, at time.Time, err error) {
	if err := l.driver.CheckPublished(); errors.Is(err, driver.ErrRollback) {
		return l.driver.LastExtended()
	} else if err != nil {
		return nil, time.Time{}, err
	}
	_, signed = l.driver.Published()
	return signed, l.driver.PublishedAt(), nil
}

// publish takes a checkpoint that the driver has made durable, verifies it as
// any client would, and only then lets it be seen. The caller holds
// l.publishing.
func (l *Log) publish(signed []byte) error {
	verified, err := l.verifyPublished(signed, l.opts.FailOpen)
	if err != nil {
		return err
	}
	if got, want := len(verified.LogKeys), len(l.opts.Signers); got != want {
		return fmt.Errorf("verify our own checkpoint: %d of %d log keys signed it", got, want)
	}
	// I4: what is seen never shrinks; the driver promises it, this checks it.
	if before := l.published.latest.Load(); before != nil && verified.Checkpoint.Size < before.Size() {
		return fmt.Errorf("published size would shrink from %d to %d", before.Size(), verified.Checkpoint.Size)
	}
	l.show(signed, l.driver.PublishedAt(), verified)
	return nil
}

// verifyPublished verifies a checkpoint of ours. withoutQuorum lets cosignatures be
// missing.
func (l *Log) verifyPublished(signed []byte, withoutQuorum bool) (*policy.Verified, error) {
	verified, err := l.witnesses.policy.Verify(signed)
	if verdict.CodeOf(err) == verdict.QuorumNotMet && withoutQuorum {
		l.metrics.unwitnessed()
		l.loseQuorum()
		return verified, nil
	} else if err != nil {
		return nil, fmt.Errorf("verify our own checkpoint: %w", err)
	}
	return verified, nil
}

// show lets a verified checkpoint be seen.
func (l *Log) show(signed []byte, at time.Time, verified *policy.Verified) {
	if verified.Quorum {
		l.witnesses.win()
	}
	l.published.advance(&Published{
		Signed:   signed,
		Verified: verified,
		At:       at,
		prover:   proof.NewProver(l.tileReader, verified.Checkpoint.Size),
		made:     l.making,
		archived: make(map[uint64]*archived),
	})
	l.search.Published()
	l.hooks.Kick()
}

// Published returns the latest published checkpoint, or nil where there is
// none yet.
func (l *Log) Published() *Published { return l.published.latest.Load() }
