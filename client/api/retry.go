package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Pauses between attempts.
const (
	firstPause = 250 * time.Millisecond
	// maxPause caps both our own backoff and the log's Retry-After: a log
	// cannot park its callers.
	maxPause = 30 * time.Second
)

// retryAfter is how long the log asked to be left alone; 0 means not said.
type retryAfter time.Duration

// parseRetryAfter reads the Retry-After header: seconds, or an HTTP date. What
// it does not understand counts as not said.
func parseRetryAfter(header string) retryAfter {
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return retryAfter(min(time.Duration(seconds)*time.Second, maxPause))
	}
	if at, err := http.ParseTime(header); err == nil {
		return retryAfter(min(max(time.Until(at), 0), maxPause))
	}
	return 0
}

// reachError marks a failure to reach the log or to hear it out.
type reachError struct{ err error }

func (e reachError) Error() string { return e.err.Error() }
func (e reachError) Unwrap() error { return e.err }

// Unreachable reports whether err means that no complete answer came from the
// log at all: nothing is known about what was asked.
func Unreachable(err error) bool {
	_, ok := errors.AsType[reachError](err)
	return ok
}

// retryable reports whether asking again may help: the log could not be
// reached or was busy, and the caller has not given up.
func retryable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return busy(p.Status)
	}
	return Unreachable(err)
}

// busy reports whether a status means "not now".
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// pause waits before attempt+1: as long as the log asked, else twice as long
// as before, with jitter so that many callers do not return as one.
func pause(ctx context.Context, attempt int, asked retryAfter) error {
	wait := time.Duration(asked)
	if wait == 0 {
		wait = min(firstPause<<min(attempt-1, 10), maxPause)
		wait = wait/2 + rand.N(wait/2+1)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
