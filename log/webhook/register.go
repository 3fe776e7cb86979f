package webhook

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/storage/outbox"
)

// Status is how a receiver does.
type Status struct {
	Receiver
	outbox.Counts
	Delivered    time.Time // when something was, last; zero if never since the log started
	FailingSince time.Time // since when it takes nothing; zero while it does
	Reason       string    // why
}

// Add adds a receiver, durably, and returns it with its number and, of the generic
// shape, the secret that messages to it are signed with, which is not shown again.
// What happened before is not told. Errors: malformed, with the member that is
// wrong; too_large where there are too many.
func (h *Hooks) Add(r Receiver) (added Receiver, secret string, err error) {
	if err := r.check(h.opts.AllowPrivate); err != nil {
		return r, "", err
	}
	r.Added = h.opts.Now().UTC().Truncate(time.Second)
	r.Secret, r.Former, r.FormerUntil = "", "", time.Time{}
	if r.Shape == ShapeGeneric {
		r.Secret = webhook.NewSecret().Reveal()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := *h.receivers.Load()
	ofOrg := 0
	for _, other := range all {
		if other.Org == r.Org {
			ofOrg++
		}
	}
	if len(all) >= MaxReceivers || ofOrg >= maxPerOrg && r.Org != "" {
		return r, "", verdict.Errorf(verdict.TooLarge, "", "there are %d receivers, %d of this organisation; at most %d, and %d of one, are possible", len(all), ofOrg, MaxReceivers, maxPerOrg)
	}
	if r.ID, err = h.box.AddReceiver(r.marshal()); err != nil {
		return r, "", err
	}
	h.replace(append(slices.Clone(all), &r))
	h.start(&r)
	return r, r.Secret, nil
}

func (h *Hooks) replace(all []*Receiver) { h.receivers.Store(&all) }

// List returns all receivers and how they do, in the order in which they were
// added. Who shows them leaves out URL, secrets and routing key.
func (h *Hooks) List() []Status {
	all := *h.receivers.Load()
	counts := h.box.Counts()
	h.mu.Lock()
	workers := maps.Clone(h.workers)
	h.mu.Unlock()
	list := make([]Status, 0, len(all))
	for _, r := range all {
		s := Status{Receiver: *r, Counts: counts[r.ID]}
		if w := workers[r.ID]; w != nil {
			w.mu.Lock()
			s.Delivered, s.FailingSince, s.Reason = w.lastOK, w.since, w.reason
			w.mu.Unlock()
		}
		list = append(list, s)
	}
	return list
}

// Get returns one receiver, or an error with the code no_such_webhook.
func (h *Hooks) Get(id uint32) (Status, error) {
	for _, s := range h.List() {
		if s.ID == id {
			return s, nil
		}
	}
	return Status{}, unknown(id)
}

func unknown(id uint32) error {
	return verdict.Errorf(api.CodeNoSuchWebhook, "", "there is no webhook %d", id)
}

// Remove removes a receiver with everything that waits for it, durably. What is on
// its way is not held back.
func (h *Hooks) Remove(id uint32) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := *h.receivers.Load()
	i := slices.IndexFunc(all, func(r *Receiver) bool { return r.ID == id })
	if i < 0 {
		return unknown(id)
	}
	if err := h.box.RemoveReceiver(id); err != nil {
		return err
	}
	h.replace(slices.Delete(slices.Clone(all), i, i+1))
	if w := h.workers[id]; w != nil {
		w.stop()
		delete(h.workers, id)
	}
	return nil
}

// Rotate gives a receiver of the generic shape another secret, durably, and returns
// it. For a day messages are signed with both.
func (h *Hooks) Rotate(id uint32) (secret string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := slices.Clone(*h.receivers.Load())
	i := slices.IndexFunc(all, func(r *Receiver) bool { return r.ID == id })
	if i < 0 {
		return "", unknown(id)
	}
	r := *all[i]
	if r.Shape != ShapeGeneric {
		return "", verdict.Errorf(verdict.Malformed, "shape", "a receiver of the shape %s has no secret of ours", r.Shape)
	}
	r.Former, r.FormerUntil = r.Secret, h.opts.Now().Add(keepSecret).UTC().Truncate(time.Second)
	r.Secret = webhook.NewSecret().Reveal()
	if err := h.box.ChangeReceiver(id, r.marshal()); err != nil {
		return "", err
	}
	all[i] = &r
	h.replace(all)
	if w := h.workers[id]; w != nil {
		w.receiver.Store(&r)
	}
	return r.Secret, nil
}

// Try queues a message of the kind test for a receiver, durably.
func (h *Hooks) Try(id uint32) error {
	if _, err := h.Get(id); err != nil {
		return err
	}
	now := h.opts.Now()
	b := h.db.NewBatch()
	h.box.Put(b, id, outbox.Message{Kind: byte(Test), Subject: uint64(now.UnixNano()), At: now})
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("try receiver: %w", err)
	}
	h.Kick()
	return nil
}

// Dead is a message that could not be delivered.
type Dead struct {
	ID       string // its webhook-id
	Event    string
	Subject  uint64
	At, Died time.Time
	Attempts int
	Reason   string
}

// Dead returns the dead messages of a receiver, oldest first.
func (h *Hooks) Dead(id uint32) ([]Dead, error) {
	if _, err := h.Get(id); err != nil {
		return nil, err
	}
	rows, err := h.box.Dead(id)
	if err != nil {
		return nil, err
	}
	dead := make([]Dead, len(rows))
	for i := range rows {
		m := &rows[i]
		dead[i] = Dead{ID: h.id(id, &m.Message), Event: Kind(m.Kind).String(), Subject: m.Subject, At: m.At, Died: m.When, Attempts: m.Attempts, Reason: m.Reason}
	}
	return dead, nil
}

// Resend queues dead messages of a receiver anew, those with the IDs given or all,
// and returns how many. It stops where the queue is full.
func (h *Hooks) Resend(id uint32, ids []string) (n int, err error) {
	if _, err := h.Get(id); err != nil {
		return 0, err
	}
	rows, err := h.box.Dead(id)
	if err != nil {
		return 0, err
	}
	now := h.opts.Now()
	for i := range rows {
		if len(ids) > 0 && !slices.Contains(ids, h.id(id, &rows[i].Message)) {
			continue
		}
		if err := h.box.Resend(&rows[i], now); err != nil {
			return n, err
		}
		n++
	}
	h.Kick()
	return n, nil
}
