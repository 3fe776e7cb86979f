package outbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// errEnough ends a scan.
var errEnough = errors.New("enough")

// Due returns up to limit messages to a receiver that are due and ready, oldest
// first, and when the next after these is due, the zero time if none is. One that
// is not ready stays where it is; ready must be quick.
func (o *Box) Due(receiver uint32, now time.Time, limit int, ready func(*Message) bool) (rows []Row, next time.Time, err error) {
	lower, upper := kv.OutboxQueueBounds(kv.OutboxQueued, receiver)
	err = o.db.Scan(lower, upper, func(key, value []byte) error {
		r, err := parseRow(kv.OutboxQueued, receiver, key, value)
		if err != nil {
			return err
		}
		switch {
		case r.When.After(now):
			next = r.When
			return errEnough
		case len(rows) == limit:
			next = now
			return errEnough
		case ready(&r.Message):
			rows = append(rows, r)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, next, fmt.Errorf("look up messages: %w", err)
	}
	return rows, next, nil
}

// Delivered takes a message off the queue. It does not wait for the disk: after a
// crash the message may be told again.
func (o *Box) Delivered(r *Row) error { return o.move(r, nil) }

// Postpone notes one more attempt in vain and puts the message where it is due at
// that time.
func (o *Box) Postpone(r *Row, due time.Time, reason string) error {
	later := *r
	later.When, later.Attempts, later.Reason = due, r.Attempts+1, reason
	return o.move(r, &later)
}

// Bury puts a message among the dead. The oldest of those goes if they are too
// many.
func (o *Box) Bury(r *Row, now time.Time, reason string) error {
	dead := *r
	dead.queue, dead.When, dead.Attempts, dead.Reason = kv.OutboxDead, now, r.Attempts+1, reason
	return o.move(r, &dead)
}

// move takes a row out of where it is and puts it, as to, elsewhere; nowhere if
// that is nil.
func (o *Box) move(from, to *Row) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state[from.receiver]
	if s == nil {
		return nil // it was removed meanwhile, with all its messages
	}
	b := o.db.NewBatch()
	b.Delete(from.key())
	dropped := 0
	if to != nil {
		b.Set(to.key(), to.marshal())
		if to.queue == kv.OutboxDead && s.dead >= o.opts.Dead {
			var err error
			if dropped, err = o.dropOldest(b, from.receiver, s.dead+1-o.opts.Dead); err != nil {
				return err
			}
		}
	}
	if err := b.Commit(false); err != nil {
		return fmt.Errorf("move message: %w", err)
	}
	*s.length(from.queue)--
	if to != nil {
		*s.length(to.queue)++
	}
	s.dead -= dropped
	return nil
}

func (s *state) length(queue byte) *int {
	if queue == kv.OutboxDead {
		return &s.dead
	}
	return &s.queued
}

func (o *Box) dropOldest(b *kv.Batch, receiver uint32, n int) (dropped int, err error) {
	lower, upper := kv.OutboxQueueBounds(kv.OutboxDead, receiver)
	err = o.db.Scan(lower, upper, func(key, _ []byte) error {
		if dropped == n {
			return errEnough
		}
		b.Delete(key)
		dropped++
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, fmt.Errorf("drop dead messages: %w", err)
	}
	return dropped, nil
}

// Dead returns the dead messages to a receiver, oldest first. There are at most
// Options.Dead.
func (o *Box) Dead(receiver uint32) (rows []Row, err error) {
	lower, upper := kv.OutboxQueueBounds(kv.OutboxDead, receiver)
	err = o.db.Scan(lower, upper, func(key, value []byte) error {
		r, err := parseRow(kv.OutboxDead, receiver, key, value)
		rows = append(rows, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up dead messages: %w", err)
	}
	return rows, nil
}

// ErrFull says that a queue has no room.
var ErrFull = errors.New("the receiver's queue is full")

// Resend queues a dead message anew, as if it had never been tried.
func (o *Box) Resend(r *Row, now time.Time) error {
	o.mu.Lock()
	s := o.state[r.receiver]
	full := s != nil && s.queued >= o.opts.Queue
	o.mu.Unlock()
	if full {
		return ErrFull
	}
	anew := *r
	anew.queue, anew.When, anew.Attempts, anew.Reason = kv.OutboxQueued, now, 0, ""
	return o.move(r, &anew)
}
