package access

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/access"
	"github.com/armalo/receiptlog/storage/kv"
)

// DefaultRate is how many requests a second a key may make that says nothing of
// its own. It is for a client that has gone wild: an auditor who reads bodies as
// fast as he can makes fewer.
const DefaultRate = 1000

// Options of a [Ring]. The zero value means the defaults.
type Options struct {
	Now  func() time.Time
	Rate int // requests a second of keys that have no rate of their own
}

// Ring holds the keys of one log.
type Ring struct {
	db   *kv.DB
	opts Options

	// changing orders changes, each of which is durable before it counts; mu is
	// held for moments only.
	changing sync.Mutex
	next     uint64 // number of the next act; under changing

	mu   sync.RWMutex
	keys map[uint64]*held
}

// held is a key with its meter. It is never changed, only replaced.
type held struct {
	record *record
	meter  *meter
}

// Open takes up the keys in db.
func Open(db *kv.DB, opts Options) (*Ring, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rate == 0 {
		opts.Rate = DefaultRate
	}
	r := &Ring{db: db, opts: opts, keys: make(map[uint64]*held)}
	err := access.Keys(db, func(id uint64, value []byte) error {
		key, err := parseRecord(id, value)
		if err == nil {
			r.keys[id] = &held{key, new(meter)}
		}
		return err
	})
	if err == nil {
		err = access.Uses(db, func(id uint64, u access.Use) {
			if h := r.keys[id]; h != nil {
				h.meter.use = u
			}
		})
	}
	if err == nil {
		r.next, err = access.NextAct(db)
	}
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	return r, nil
}

// Manage opens the keys of a log that does not run, by its data directory, for
// use by f. The database is locked meanwhile.
func Manage(dir string, opts kv.Options, f func(*Ring) error) error {
	db, err := kv.Open(dir, opts)
	if err != nil {
		return err
	}
	r, err := Open(db, Options{})
	if err == nil {
		err = f(r)
	}
	return errors.Join(err, db.Close())
}

// nobody stands where no key has the id that is sent.
var nobody [sha256.Size]byte

// Authenticate returns whose key it is. It counts as one request with that key.
//
// Errors: unauthorized, where there is no such key or it has ended, which only
// its holder is told; a [*LimitError].
func (r *Ring) Authenticate(secret string) (Caller, error) {
	id, _ := idOf(secret)
	r.mu.RLock()
	h := r.keys[id]
	r.mu.RUnlock()
	hash := nobody
	if h != nil {
		hash = h.record.hash
	}
	if !matches(secret, hash) || h == nil {
		return Caller{}, verdict.Errorf(api.CodeUnauthorized, "", "the log does not know this key")
	}
	now := r.now()
	if why := h.record.ended(now); why != "" {
		return Caller{}, verdict.Errorf(api.CodeUnauthorized, "", "%s", why)
	}
	if err := h.meter.request(now, h.rate(r)); err != nil {
		return Caller{}, err
	}
	r.noteUse(h, now, useEvery)
	return Caller{key: h}, nil
}

// Take counts a receipt that the caller submits against its key's quota, if the
// key is still good: a batch may outlive it. If the receipt is not taken in after
// all, giveBack undoes that.
//
// Errors: unauthorized; a [*LimitError].
func (r *Ring) Take(c Caller) (giveBack func(), err error) {
	if c.key == nil {
		return func() {}, nil
	}
	r.mu.RLock()
	h := r.keys[c.key.record.id]
	r.mu.RUnlock()
	if h == nil {
		return nil, verdict.Errorf(api.CodeUnauthorized, "", "the log does not know this key any more")
	}
	now := r.now()
	if why := h.record.ended(now); why != "" {
		return nil, verdict.Errorf(api.CodeUnauthorized, "", "%s", why)
	}
	if h.record.Quota == 0 {
		return func() {}, nil
	}
	if err := h.meter.take(now, h.record.Quota); err != nil {
		return nil, err
	}
	return h.meter.giveBack, nil
}

func (h *held) rate(r *Ring) int {
	if h.record.Rate != 0 {
		return h.record.Rate
	}
	return r.opts.Rate
}

// noteUse writes when a key was last used, if that was long enough ago. A failed
// write is not the caller's business: the database stops the log by itself.
func (r *Ring) noteUse(h *held, now time.Time, every time.Duration) {
	if use, due := h.meter.due(now, every); due {
		b := r.db.NewBatch()
		access.PutUse(b, h.record.id, use)
		_ = b.Commit(false)
	}
}

// Close writes what was used since. The database stays open.
func (r *Ring) Close() {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, h := range r.keys {
		r.noteUse(h, r.now(), 0)
	}
}

func (r *Ring) now() time.Time { return r.opts.Now().UTC() }
