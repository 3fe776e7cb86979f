package log

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/log/cosign"
	"github.com/armalo/receiptlog/storage/driver"
)

// ErrRefuses says that the log signs nothing and takes nothing in, because it was
// rolled back or runs beside its own copy (I5). Reading goes on. [Log.Refused]
// says how the log knows.
var ErrRefuses = errors.New("the log signs nothing until its operator has looked after it; reading goes on")

// ErrForeignKeys says that the published checkpoint is not signed by the log keys
// that are configured.
var ErrForeignKeys = errors.New("the published checkpoint is not signed by these log keys")

// WhatToDo is what an operator should do about a [cosign.RollbackError]. The
// README's runbook has it at greater length.
const WhatToDo = "stop the log; find the newest data directory and start with that, and make sure that no copy of it runs elsewhere; " +
	"if it is lost for good, make a new log with another origin, and say so to whoever relies on this one; " +
	"only if a witness lies, take it out of the policy"

// witnesses is how the log stands with those that cosign for it.
type witnesses struct {
	cosigner *cosign.Cosigner // nil: none are asked
	policy   *policy.Policy   // the log's own keys, the witnesses and their quorum
	refused  atomic.Pointer[cosign.RollbackError]

	mu   sync.Mutex
	lost time.Time // since when there is no quorum; zero while there is one
}

func (w *witnesses) lose(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost.IsZero() {
		w.lost = now
	}
}

func (w *witnesses) win() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = time.Time{}
}

// openWitnesses makes the cosigner, if the policy has witnesses to ask.
func (l *Log) openWitnesses() (err error) {
	if l.opts.Witnesses == nil {
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
	if refused := w.refused.Load(); refused != nil {
		return nil, refused
	}
	cosigned, err := w.cosigner.Cosign(ctx, size, root, signed)
	if rollback, ok := errors.AsType[*cosign.RollbackError](err); ok {
		l.refuse(rollback)
	} else if err != nil && ctx.Err() == nil {
		w.lose(l.clock())
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
	if rollback, ok := errors.AsType[*cosign.RollbackError](err); ok {
		l.refuse(rollback)
		return nil // reading goes on
	}
	return err
}

// refuse stops all signing. Only the first reason is kept.
func (l *Log) refuse(reason *cosign.RollbackError) {
	if l.witnesses.refused.CompareAndSwap(nil, reason) {
		l.logger.Error("REFUSING TO SIGN", "why", reason, "do", WhatToDo)
	}
}

// Refused returns why the log signs nothing and takes nothing in (I5), or nil. It
// stays so until the log is opened anew.
func (l *Log) Refused() error {
	if reason := l.witnesses.refused.Load(); reason != nil {
		return reason
	}
	return nil
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

// checkKeys refuses, before anything is signed, log keys other than those that
// signed what is published: nobody who knows the log would believe them.
func (l *Log) checkKeys() error {
	tree, err := driver.OpenReader(l.db)
	if err != nil {
		return err
	}
	signed, err := tree.ReadCheckpoint(context.Background())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	verified, err := l.policy.Verify(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeignKeys, err)
	}
	if got, want := len(verified.LogKeys), len(l.opts.Signers); got != want {
		return fmt.Errorf("%w: %d of %d have", ErrForeignKeys, got, want)
	}
	return nil
}
