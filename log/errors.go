package log

import (
	"errors"

	"github.com/transparency-dev/tessera"
)

var (
	// ErrOverloaded says that too much is waiting to be sequenced. Nothing was
	// appended; the same call may succeed a moment later.
	ErrOverloaded = errors.New("too many receipts are waiting to be sequenced")

	// ErrClosed says that the log is shutting down. Nothing was appended.
	ErrClosed = errors.New("the log is shutting down")

	// ErrFull says that the log's disk has no room but the reserve. Nothing was
	// appended. Reading goes on, and the same call succeeds once there is room.
	ErrFull = errors.New("the log's disk is nearly full: nothing was appended; reading goes on, and receipts are taken in again by themselves once there is room")

	// ErrUnpublished says that the receipt is durable in the log, which is shutting
	// down and cannot publish it: its witnesses' quorum is lost. It is published
	// once the log runs and the quorum is back; the same call then returns it.
	ErrUnpublished = errors.New("the receipt is durable in the log, and the log is shutting down while the quorum of its witnesses is lost; it is published later, ask again then")

	// ErrFailed says that the log stopped because of an earlier failure, which
	// [Log.Failure] returns. What was acknowledged before is safe.
	ErrFailed = errors.New("the log has stopped after a failure")
)

// appendError turns what an append ended with into an error for the caller,
// and stops the log where it was not merely overload.
func (l *Log) appendError(err error) error {
	switch {
	case errors.Is(err, tessera.ErrPushback):
		l.metrics.pushback()
		return ErrOverloaded
	case l.closing.Load():
		return ErrClosed
	}
	// I1: after a failed write nobody knows what is on disk; recovery at the
	// next start does. Never retry here.
	l.fail(err)
	return ErrFailed
}

// fail stops the log. Only the first cause is kept.
func (l *Log) fail(cause error) {
	l.failOnce.Do(func() {
		l.failure = cause
		close(l.failed)
		l.published.end(ErrFailed)
		l.logger.Error("log stopped", "error", cause)
	})
}

// Failed is closed when the log has stopped after a failure.
func (l *Log) Failed() <-chan struct{} { return l.failed }

// Failure returns why the log stopped, or nil while it runs.
func (l *Log) Failure() error {
	select {
	case <-l.failed:
		return l.failure
	default:
		return nil
	}
}

// Full reports whether receipts are refused with [ErrFull] now.
func (l *Log) Full() bool { return l.reserve.Full() }
