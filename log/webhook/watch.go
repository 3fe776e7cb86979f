package webhook

import (
	"context"
	"time"

	"github.com/armalo/receiptlog/storage/outbox"
)

// alarm is a state of the log that is told when it begins and when it ends.
type alarm struct {
	name       string
	begin, end Kind
	// look returns since when it is so, the zero time if it is not; and whether
	// that can be said yet.
	look func(now time.Time) (since time.Time, sure bool)
}

// alarms are those there are, for a log that runs since then. What was not
// published or cosigned while nothing ran is no news: this run has its time to do
// so, too.
func (h *Hooks) alarms(began time.Time) []alarm {
	return []alarm{
		{"checkpoint", CheckpointStale, CheckpointFresh, func(now time.Time) (time.Time, bool) {
			at := h.log.PublishedAt()
			if now.Sub(at) < h.opts.StaleAfter {
				return time.Time{}, true
			}
			return at, !at.IsZero() && now.Sub(began) >= h.opts.StaleAfter
		}},
		{"quorum", QuorumLost, QuorumRegained, func(now time.Time) (time.Time, bool) {
			_, lost := h.log.Quorum()
			if lost.IsZero() {
				return lost, h.log.PublishedAt().After(began)
			}
			return lost, now.Sub(lost) >= h.opts.QuorumGrace
		}},
	}
}

// watch looks for alarms until ctx ends. That an alarm was told is written with
// what tells it, so that after a crash its end is told too, and its beginning not
// again.
func (h *Hooks) watch(ctx context.Context) {
	alarms := h.alarms(h.opts.Now())
	ticker := time.NewTicker(h.opts.WatchEvery)
	defer ticker.Stop()
	for {
		for _, a := range alarms {
			if err := h.check(a); err != nil && ctx.Err() == nil {
				h.opts.Logger.Error("webhooks do not tell how the log does", "error", err)
			}
		}
		if h.nudged.Swap(false) {
			h.Kick()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (h *Hooks) check(a alarm) error {
	told, err := outbox.Alarm(h.db, a.name)
	if err != nil {
		return err
	}
	now := h.opts.Now()
	since, sure := a.look(now)
	if !sure || told.IsZero() == since.IsZero() {
		return nil
	}
	b := h.db.NewBatch()
	m := outbox.Message{Kind: byte(a.begin), Subject: uint64(since.UnixNano()), At: now}
	if since.IsZero() {
		m.Kind, m.Subject = byte(a.end), uint64(told.UnixNano())
		outbox.Ended(b, a.name)
	} else {
		outbox.Began(b, a.name, since)
	}
	// Who is told of the end are those who want to hear of the beginning.
	h.put(b, m, func(*Receiver) bool { return true })
	if err := b.Commit(true); err != nil {
		return err
	}
	h.Kick()
	return nil
}
