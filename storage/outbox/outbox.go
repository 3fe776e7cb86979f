package outbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// Options bound the queues.
type Options struct {
	// Queue is the most messages that wait for one receiver; 0 means
	// DefaultQueue.
	Queue int
	// Dead is the most dead ones that are kept of one receiver; 0 means
	// DefaultDead.
	Dead int
}

const (
	// DefaultQueue is a day of a receipt a second, in some 10 MB.
	DefaultQueue = 100_000
	// DefaultDead is more than anybody looks through.
	DefaultDead = 10_000
)

// Box is the outbox of one database. There must be one per database: it knows how
// long the queues are.
type Box struct {
	db   *kv.DB
	opts Options

	mu    sync.Mutex
	state map[uint32]*state // of each receiver
}

// state is what is known of a receiver's queues without reading them.
type state struct {
	queued, dead int
	missed       *Missed
}

// Missed is what a full queue did not take.
type Missed struct {
	First, Last uint64 // subjects
	Count       uint64
	Since       time.Time
}

// Receiver is one that messages are told to.
type Receiver struct {
	ID   uint32
	Note []byte // the caller's
}

// Open counts what is in the database, and returns the receivers in the order in
// which they were added.
func Open(db *kv.DB, opts Options) (*Box, []Receiver, error) {
	if opts.Queue == 0 {
		opts.Queue = DefaultQueue
	}
	if opts.Dead == 0 {
		opts.Dead = DefaultDead
	}
	o := &Box{db: db, opts: opts, state: make(map[uint32]*state)}
	var all []Receiver
	lower, upper := kv.OutboxReceiverBounds()
	err := db.Scan(lower, upper, func(key, value []byte) error {
		all = append(all, Receiver{ID: kv.OutboxReceiver(key), Note: append([]byte(nil), value...)})
		return nil
	})
	for i := 0; err == nil && i < len(all); i++ {
		o.state[all[i].ID], err = o.count(all[i].ID)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open outbox: %w", err)
	}
	return o, all, nil
}

func (o *Box) count(receiver uint32) (*state, error) {
	s := new(state)
	for queue, n := range map[byte]*int{kv.OutboxQueued: &s.queued, kv.OutboxDead: &s.dead} {
		lower, upper := kv.OutboxQueueBounds(queue, receiver)
		if err := o.db.Scan(lower, upper, func(_, _ []byte) error { *n++; return nil }); err != nil {
			return nil, err
		}
	}
	value, err := o.db.Get(kv.OutboxMissedKey(receiver))
	if errors.Is(err, kv.ErrNotFound) {
		return s, nil
	} else if err != nil {
		return nil, err
	}
	if len(value) != 32 {
		return nil, errRow
	}
	s.missed = &Missed{
		First: binary.BigEndian.Uint64(value), Last: binary.BigEndian.Uint64(value[8:]), Count: binary.BigEndian.Uint64(value[16:]),
		Since: time.Unix(0, int64(binary.BigEndian.Uint64(value[24:]))).UTC(),
	}
	return s, nil
}

func (m *Missed) marshal() []byte {
	v := binary.BigEndian.AppendUint64(make([]byte, 0, 32), m.First)
	v = binary.BigEndian.AppendUint64(v, m.Last)
	v = binary.BigEndian.AppendUint64(v, m.Count)
	return binary.BigEndian.AppendUint64(v, uint64(m.Since.UnixNano()))
}

// AddReceiver adds one, durably, and returns its number, which no other ever has.
func (o *Box) AddReceiver(note []byte) (uint32, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, err := o.db.Get(kv.OutboxLastKey())
	if errors.Is(err, kv.ErrNotFound) {
		last, err = make([]byte, 4), nil
	}
	if err != nil || len(last) != 4 {
		return 0, fmt.Errorf("add receiver: its number: %w", errors.Join(err, errRow))
	}
	id := binary.BigEndian.Uint32(last) + 1
	b := o.db.NewBatch()
	b.Set(kv.OutboxLastKey(), binary.BigEndian.AppendUint32(nil, id))
	b.Set(kv.OutboxReceiverKey(id), note)
	if err := b.Commit(true); err != nil {
		return 0, fmt.Errorf("add receiver: %w", err)
	}
	o.state[id] = new(state)
	return id, nil
}

// ChangeReceiver replaces what is noted of a receiver, durably.
func (o *Box) ChangeReceiver(id uint32, note []byte) error {
	b := o.db.NewBatch()
	b.Set(kv.OutboxReceiverKey(id), note)
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("change receiver: %w", err)
	}
	return nil
}

// RemoveReceiver removes one with all its messages, durably.
func (o *Box) RemoveReceiver(id uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.db.NewBatch()
	b.Delete(kv.OutboxReceiverKey(id))
	b.Delete(kv.OutboxMissedKey(id))
	for _, queue := range []byte{kv.OutboxQueued, kv.OutboxDead} {
		lower, upper := kv.OutboxQueueBounds(queue, id)
		b.DeleteRange(lower, upper)
	}
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("remove receiver: %w", err)
	}
	delete(o.state, id)
	return nil
}

// Put writes to b a message to a receiver, due at once. Where its queue is full
// it writes that the message was missed. It is for who commits b, and does so:
// it must be the last that may fail.
func (o *Box) Put(b *kv.Batch, receiver uint32, m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state[receiver]
	switch {
	case s == nil: // it was removed a moment ago
	case s.queued >= o.opts.Queue:
		s.miss(m)
		b.Set(kv.OutboxMissedKey(receiver), s.missed.marshal())
	default:
		s.queued++
		b.Set(kv.OutboxMessageKey(kv.OutboxQueued, receiver, uint64(m.At.UnixNano()), m.Kind, m.Subject), m.marshal())
	}
}

func (s *state) miss(m Message) {
	if s.missed == nil {
		s.missed = &Missed{First: m.Subject, Last: m.Subject, Since: m.At}
	}
	s.missed.First, s.missed.Last = min(s.missed.First, m.Subject), max(s.missed.Last, m.Subject)
	s.missed.Count++
}

// Missed returns what a receiver missed, once half of its queue is free again, so
// that it is told in one message and not in many.
func (o *Box) Missed(receiver uint32) (Missed, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state[receiver]
	if s == nil || s.missed == nil || s.queued > o.opts.Queue/2 {
		return Missed{}, false
	}
	return *s.missed, true
}

// Own queues a message that says what was missed, durably, in its place.
func (o *Box) Own(receiver uint32, m Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state[receiver]
	if s == nil || s.missed == nil {
		return nil
	}
	b := o.db.NewBatch()
	b.Delete(kv.OutboxMissedKey(receiver))
	b.Set(kv.OutboxMessageKey(kv.OutboxQueued, receiver, uint64(m.At.UnixNano()), m.Kind, m.Subject), m.marshal())
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("own up to what was missed: %w", err)
	}
	s.missed = nil
	s.queued++
	return nil
}

// Counts are of the messages of each receiver.
type Counts struct {
	Queued, Dead int
	Missed       uint64 // that found the queue full, and were not told of yet
}

// Counts returns those of all receivers.
func (o *Box) Counts() map[uint32]Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[uint32]Counts, len(o.state))
	for id, s := range maps.All(o.state) {
		c := Counts{Queued: s.queued, Dead: s.dead}
		if s.missed != nil {
			c.Missed = s.missed.Count
		}
		all[id] = c
	}
	return all
}
