package log

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

// Published is a checkpoint that everybody may see: durable, and verified with
// the log's own policy, once, however many receipts are then proven under it.
// It never changes.
type Published struct {
	Signed   []byte           // the signed note as served at /checkpoint
	Verified *policy.Verified // what our own verifier found in it
	At       time.Time        // when it was published, by the log's clock

	prover *proof.Prover

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
}

func newPublication() *publication {
	return &publication{next: make(chan struct{})}
}

// advance makes p the latest and wakes all waiters.
func (l *publication) advance(p *Published) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest.Store(p)
	close(l.next)
	l.next = make(chan struct{})
}

// await returns the latest published checkpoint that commits to index, as soon
// as there is one.
func (l *publication) await(ctx context.Context, index uint64, stop <-chan struct{}) (*Published, error) {
	for {
		l.mu.Lock()
		p, next := l.latest.Load(), l.next
		l.mu.Unlock()
		if p != nil && p.Size() > index {
			return p, nil
		}
		select {
		case <-next:
		case <-stop:
			return nil, ErrFailed
		case <-ctx.Done():
			return nil, fmt.Errorf("await publication of entry %d: %w", index, context.Cause(ctx))
		}
	}
}

// onPublish is told of each checkpoint that the driver made durable.
func (l *Log) onPublish(_ uint64, signed []byte) {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	if err := l.publish(signed, l.opts.FailOpen); err != nil {
		l.fail(err)
	}
}

// resumePublished takes up the checkpoint that was published before the log was
// opened. The driver runs already, and may have told of a later one.
func (l *Log) resumePublished() error {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	_, signed := l.driver.Published()
	if signed == nil || l.Published() != nil {
		return nil
	}
	// Its witnesses are those of the policy that it was published with.
	return l.publish(signed, true)
}

// publish takes a checkpoint that the driver has made durable, verifies it as
// any client would, and only then lets it be seen. The caller holds
// l.publishing. withoutQuorum lets cosignatures be missing.
func (l *Log) publish(signed []byte, withoutQuorum bool) error {
	verified, err := l.witnesses.policy.Verify(signed)
	if verdict.CodeOf(err) == verdict.QuorumNotMet && withoutQuorum {
		l.metrics.unwitnessed()
		l.witnesses.lose(l.clock())
	} else if err != nil {
		return fmt.Errorf("verify our own checkpoint: %w", err)
	}
	if got, want := len(verified.LogKeys), len(l.opts.Signers); got != want {
		return fmt.Errorf("verify our own checkpoint: %d of %d log keys signed it", got, want)
	}
	// I4: what is seen never shrinks; the driver promises it, this checks it.
	if before := l.published.latest.Load(); before != nil && verified.Checkpoint.Size < before.Size() {
		return fmt.Errorf("published size would shrink from %d to %d", before.Size(), verified.Checkpoint.Size)
	}
	if verified.Quorum {
		l.witnesses.win()
	}
	l.published.advance(&Published{
		Signed:   signed,
		Verified: verified,
		At:       l.driver.PublishedAt(),
		prover:   proof.NewProver(l.tileReader, verified.Checkpoint.Size),
		archived: make(map[uint64]*archived),
	})
	l.search.Published()
	return nil
}

// Published returns the latest published checkpoint, or nil where there is
// none yet.
func (l *Log) Published() *Published { return l.published.latest.Load() }
