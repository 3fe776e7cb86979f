package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// Run carries out what the published log says, until ctx ends. It returns an
// error only if the database fails; what fails otherwise, as an append to a log
// that is overloaded or full, is tried again later.
func (k *Keeper) Run(ctx context.Context) error {
	if k.opts.Paused {
		k.opts.Logger.Warn("nothing that is due is erased: retention is paused")
		return nil
	}
	ticker := time.NewTicker(k.opts.Interval)
	defer ticker.Stop()
	for {
		for {
			began, promised := time.Now(), k.promised.Load()
			more, err := k.Step(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if failure := k.db.Err(); failure != nil {
				return failure
			}
			if err != nil {
				k.opts.Logger.Warn("promises are not kept for the moment, will try again", "error", err)
				break
			}
			if !more {
				break
			}
			// Those who submit come first.
			rest := time.Since(began)
			if k.promised.Load() != promised {
				rest *= restsBusy
			}
			if !sleep(ctx, rest) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-k.kick:
		case <-k.awaited():
		}
	}
}

// restsBusy is how many times as long as at work the follower is at rest while
// receipts come in, so that it takes an eighth of two processors from them; else
// it is as long.
const restsBusy = 3

// publishedSoon is when to look again for the publication of an erasure.
const publishedSoon = time.Second

// awaited fires soon where an erasure waits for nothing but its publication.
func (k *Keeper) awaited() <-chan time.Time {
	published := k.log.PublishedSize()
	k.mu.RLock()
	defer k.mu.RUnlock()
	for at := range k.pending.at {
		if at >= published {
			return time.After(publishedSoon)
		}
	}
	return nil
}

// Step does the next small piece of work, and reports whether there is more.
// For one goroutine at a time.
func (k *Keeper) Step(ctx context.Context) (more bool, err error) {
	// I5, I6: a log that was rolled back may not know of a hold.
	if err := k.log.Refused(); err != nil {
		return false, err
	}
	if err := k.beginNew(); err != nil {
		return false, err
	}
	steps := []func(context.Context) (bool, error){k.act, k.review, k.sweep}
	if !k.soiled.IsZero() && time.Since(k.soiled) > k.opts.ScrubEvery {
		// I7: however much there is to erase, what was erased does not wait.
		steps = append([]func(context.Context) (bool, error){k.scrub}, steps...)
	}
	for _, step := range steps {
		if more, err := step(ctx); more || err != nil {
			return more, err
		}
	}
	return k.scrub(ctx)
}

// Idle reports whether nothing is left to carry out or to scrub but what a hold
// stops or is not published yet.
func (k *Keeper) Idle() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if len(k.pending.at) > 0 {
		return false
	}
	ranges, err := promise.Scrubs(k.db)
	return err == nil && len(ranges) == 0
}

func (k *Keeper) beginNew() error {
	k.mu.RLock()
	none := len(k.unbegun) == 0
	k.mu.RUnlock()
	if none {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.begin()
}

// scrub rewrites the files that hold keys and salts that were deleted. It is
// the last of the steps, so that one scrub does for many erasures.
func (k *Keeper) scrub(ctx context.Context) (more bool, err error) {
	ranges, err := promise.Scrubs(k.db)
	if err != nil || len(ranges) == 0 {
		return false, err
	}
	now := time.Now()
	if now.Sub(k.scrubbed) < k.opts.ScrubEvery {
		return false, nil // the ticker comes back to it
	}
	lowest, highest := ranges[0][0], ranges[0][1]
	for _, r := range ranges {
		lowest, highest = min(lowest, r[0]), max(highest, r[1])
	}
	// I7: only the rows with keys and salts matter. A ciphertext without them is
	// noise, and goes when the database compacts its tables in the course of time.
	err = k.db.Scrub(ctx, kv.BodyKeyKey(lowest), kv.BodyKeyKey(highest+1))
	k.scrubbed = time.Now()
	if errors.Is(err, kv.ErrNotScrubbed) {
		k.opts.Logger.Warn("erased keys are still on disk, will scrub again", "error", err)
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("scrub erased keys: %w", err)
	}
	k.soiled = time.Time{}
	b := k.db.NewBatch()
	for _, r := range ranges {
		promise.Scrubbed(b, r[0], r[1])
	}
	if err := b.Commit(true); err != nil {
		return false, err
	}
	k.opts.Logger.Info("erased keys are off the disk", "ranges", len(ranges), "took", time.Since(now).Round(time.Millisecond))
	return true, nil
}

// sleep waits, and reports false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
