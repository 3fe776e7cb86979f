package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/policy"
)

// ErrFrozen says that the log is frozen for good: nothing is taken in, signed or
// erased any more. Reading goes on.
var ErrFrozen = errors.New("the log is frozen for good: it takes nothing in any more; what is in it is served")

// ErrUnfinished says that a log cannot be frozen now.
var ErrUnfinished = errors.New("the log cannot be frozen now")

// Frozen reports whether the log was frozen before it was opened.
func (l *Log) Frozen() bool { return l.frozen }

// Freeze ends the log for good. It takes nothing more in, waits until everything is
// under a published checkpoint that its policy accepts, and records durably that this
// is the last. It is for a log that serves nobody; it stays closed to receipts, and is
// to be closed next. Whoever opens it again gets a log that can be read.
//
// Errors: ErrFrozen, ErrRefuses, and ErrUnfinished where the quorum of witnesses is
// lost or an erasure is not carried out; then nothing has happened.
func (l *Log) Freeze(ctx context.Context) (*policy.Verified, error) {
	if err := l.accepting(); err != nil {
		return nil, err
	}
	if !l.keeper.Idle() {
		return nil, fmt.Errorf("%w: an erasure is not carried out yet; an erasure is an entry, and there will be no more of them", ErrUnfinished)
	}
	if l.closing.Swap(true) {
		return nil, ErrClosed
	}
	defer l.closing.Store(false) // Close is still to come
	l.Drain()
	if err := l.publishLast(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	p := l.Published()
	if n := l.Unpublished(); p == nil || n > 0 || !p.Verified.Quorum {
		return nil, fmt.Errorf("%w: %d entries are not published with the quorum of witnesses, %s", ErrUnfinished, n, l.witnesses.policy.Quorum())
	}
	return p.Verified, l.driver.Freeze()
}
