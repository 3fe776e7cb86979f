package driver

import (
	"context"
	"log/slog"
	"time"
)

const (
	// minRetry keeps a log without checkpoint interval from asking its witnesses
	// without pause.
	minRetry = 50 * time.Millisecond
	// maxRetry is how long the log may take to notice that its witnesses are
	// back. Asking them more often while they are not helps nobody.
	maxRetry = 5 * time.Second
)

// retry is a run of failed publications. The zero value is none.
type retry struct {
	last  string // what was said
	since time.Time
	wait  time.Duration
}

// failed says why nothing is published, once for each reason in a row.
func (r *retry) failed(logger *slog.Logger, err error) {
	if r.since.IsZero() {
		r.since = time.Now()
	}
	if r.last != err.Error() {
		r.last = err.Error()
		logger.Error("checkpoint not published", "err", err)
	}
}

func (r *retry) succeeded(logger *slog.Logger) {
	if !r.since.IsZero() {
		logger.Info("checkpoints are published again", "after", time.Since(r.since).Round(time.Second))
	}
	*r = retry{}
}

// pause returns how long to wait before the next attempt: each time twice as
// long, from first up to maxRetry.
func (r *retry) pause(first time.Duration) time.Duration {
	r.wait = min(max(2*r.wait, first), max(maxRetry, first))
	return r.wait
}

// sleep waits for a time, or until early is closed, and returns false if ctx
// ended first. Amendments are made meanwhile.
func (p *publisher) sleep(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return ctx.Err() == nil
		case <-early:
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		case <-p.amended:
			p.amend()
		}
	}
}
