package driver

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// How long published checkpoints are kept, and how densely: all of the last hour,
// then the first of each minute for a day, the first of each hour for 90 days, and
// the first of each day (UTC) for good. A log that publishes four times a second
// thus keeps some 18,000 of them, and 365 more each year.
var thinning = []struct{ younger, one time.Duration }{
	{time.Hour, 0}, // 0: all
	{24 * time.Hour, time.Minute},
	{90 * 24 * time.Hour, time.Hour},
	{1<<63 - 1, 24 * time.Hour},
}

const (
	// thinEvery is how often the kept checkpoints are thinned.
	thinEvery = time.Hour
	// maxThin bounds one batch: 65,536 keys are 1 MiB.
	maxThin = 1 << 16
)

// span is the time of which one checkpoint is kept.
type span struct {
	begins int64         // unix nanoseconds
	length time.Duration // 0: all are kept
}

func spanOf(now, at time.Time) span {
	for _, rule := range thinning {
		if now.Sub(at) < rule.younger {
			if rule.one == 0 {
				return span{}
			}
			return span{at.UTC().Truncate(rule.one).UnixNano(), rule.one}
		}
	}
	return span{}
}

// keepThin thins the kept checkpoints now and then, until ctx ends.
func (p *publisher) keepThin(ctx context.Context) {
	tick := time.NewTicker(thinEvery)
	defer tick.Stop()
	for {
		if err := p.thin(ctx); err != nil && ctx.Err() == nil {
			p.opts.Logger.Warn("kept checkpoints are not thinned", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// thin drops what the rule does not keep. The checkpoint that is published stays
// whatever its age, and so do those that come after it.
func (p *publisher) thin(ctx context.Context) error {
	now, current := p.opts.Now(), p.reader.published.Load()
	if current.signed == nil {
		return nil
	}
	latest := kv.PublishedKey(current.size, current.at.UnixNano())
	b := p.db.NewBatch()
	var last span
	dropped := 0
	lower, _ := kv.PublishedBounds(0, 0)
	err := p.db.Scan(lower, latest, func(key, _ []byte) error {
		_, nanos := kv.PublishedAt(key)
		s := spanOf(now, time.Unix(0, nanos))
		if s.length != 0 && s == last {
			b.Delete(bytes.Clone(key))
			dropped++
		}
		last = s
		if dropped == maxThin {
			return errThinned
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errThinned) {
		return err
	}
	if dropped == 0 {
		return nil
	}
	return b.Commit(false) // what is lost of it in a crash is dropped the next time
}

// errThinned ends a scan. The rest is for the next time.
var errThinned = errors.New("enough for one batch")
