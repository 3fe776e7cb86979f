package log

import (
	"context"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/log/cosign"
)

// witnesses is how the log stands with those that cosign for it.
type witnesses struct {
	cosigner *cosign.Cosigner // nil: none are asked
	policy   *policy.Policy   // the log's own keys, the witnesses and their quorum

	mu       sync.Mutex
	lost     time.Time // since when there is no quorum; zero while there is one
	draining bool      // nobody waits for a quorum to come back
}

func (w *witnesses) win() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = time.Time{}
}

// loseQuorum notes that there is no quorum now.
func (l *Log) loseQuorum() {
	w := &l.witnesses
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost.IsZero() {
		w.lost = l.clock()
	}
	l.giveUp()
}

// giveUp lets nobody wait any longer where the log is about to be closed and the
// quorum is lost. The caller holds the lock.
func (l *Log) giveUp() {
	if w := &l.witnesses; w.draining && !w.lost.IsZero() && !l.opts.FailOpen {
		l.published.end(ErrUnpublished)
	}
}

// openWitnesses makes the cosigner, if the policy has witnesses to ask.
func (l *Log) openWitnesses() (err error) {
	if l.opts.Witnesses == nil || l.Refused() != nil || l.frozen {
		return nil
	}
	for _, warning := range l.opts.Witnesses.Warnings() {
		l.logger.Warn("policy", "warning", warning)
	}
	if l.opts.FailOpen && l.witnesses.policy.RequiresWitnesses() {
		l.logger.Error("FAILING OPEN, as configured: checkpoints are published even where the quorum does not cosign, and whoever verifies by the policy will refuse them", "quorum", l.witnesses.policy.Quorum())
	}
	l.witnesses.cosigner, err = cosign.New(cosign.Options{
		Policy:   l.witnesses.policy,
		Read:     l.tileReader,
		Sizes:    cosign.InDatabase(l.db),
		Last:     func() []byte { _, signed := l.driver.Published(); return signed },
		Late:     l.late,
		FailOpen: l.opts.FailOpen,
		Now:      l.clock,
		Logger:   l.logger,
	})
	return err
}

// close hangs up on all witnesses. The driver has stopped.
func (w *witnesses) close() {
	if w.cosigner != nil {
		w.cosigner.Close()
	}
}

// cosign has a checkpoint cosigned, as the driver's options want it.
func (l *Log) cosign(ctx context.Context, size uint64, root [32]byte, signed []byte) ([]byte, error) {
	w := &l.witnesses
	if w.cosigner == nil {
		return signed, nil
	}
	cosigned, err := w.cosigner.Cosign(ctx, size, root, signed)
	if !l.objected(err) && err != nil && ctx.Err() == nil {
		l.loseQuorum()
	}
	return cosigned, err
}

// beginCosigning lets the witnesses object to the tree as it was found (I5),
// before anything is taken in.
func (l *Log) beginCosigning(ctx context.Context) error {
	if l.witnesses.cosigner == nil {
		return nil
	}
	size, _ := l.driver.Tree()
	err := l.witnesses.cosigner.Begin(ctx, l.Origin(), size)
	if l.objected(err) {
		return nil // reading goes on
	}
	return err
}

// Witnesses returns how each witness does that is asked, in the order of the
// policy. There may be none.
func (l *Log) Witnesses() []cosign.Status {
	if l.witnesses.cosigner == nil {
		return nil
	}
	return l.witnesses.cosigner.Witnesses()
}

// Quorum returns the rule that cosignatures must meet, and since when they do not;
// the zero time while they do.
func (l *Log) Quorum() (rule string, lost time.Time) {
	l.witnesses.mu.Lock()
	defer l.witnesses.mu.Unlock()
	return l.witnesses.policy.Quorum(), l.witnesses.lost
}

// FailsOpen reports whether checkpoints are published without the quorum.
func (l *Log) FailsOpen() bool { return l.opts.FailOpen }

// late adds cosignatures to a checkpoint that was published without them.
func (l *Log) late(c checkpoint.Checkpoint, lines []byte) {
	l.driver.Amend(c.Size, c.Root, func(signed []byte) []byte { return addLines(signed, lines) })
}

// addLines adds those signature lines to a note by whose keys it has none, and
// returns nil where there are none such.
func addLines(signed, lines []byte) []byte {
	note, err := checkpoint.ParseNote(signed)
	if err != nil {
		return nil
	}
	more, err := checkpoint.ParseSignatures(lines)
	if err != nil {
		return nil
	}
	type key struct {
		name string
		hash uint32
	}
	have := make(map[key]bool)
	for _, s := range note.Signatures {
		have[key{s.Name, s.KeyHash}] = true
	}
	before := len(note.Signatures)
	for _, s := range more {
		if k := (key{s.Name, s.KeyHash}); !have[k] && len(note.Signatures) < checkpoint.MaxSignatures {
			have[k] = true
			note.Signatures = append(note.Signatures, s)
		}
	}
	if len(note.Signatures) == before {
		return nil
	}
	return note.Marshal()
}
