package index

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/armalo/receiptlog/storage/kv"
)

// Handle stands for an organisation in the log. It is random: it says nothing
// about the organisation to whoever does not have the register.
type Handle [16]byte

// String returns the handle as it stands in an entry: 32 lower-case hex digits.
func (h Handle) String() string { return hex.EncodeToString(h[:]) }

// ParseHandle is the inverse of [Handle.String].
func ParseHandle(s string) (h Handle, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) || hex.EncodeToString(b) != s {
		return Handle{}, fmt.Errorf("parse handle %q: not %d lower-case hex digits", s, 2*len(h))
	}
	copy(h[:], b)
	return h, nil
}

// orgs holds the handles that were drawn and are not in the database yet: two
// first receipts of one organisation at the same time must get the same.
type orgs struct {
	mu      sync.Mutex
	pending map[string]Handle
}

// Handle returns the handle of the organisation, drawing one if it has none.
// A new handle is remembered in memory only, until [Index.PutOrg] writes it with
// the first entry that uses it; if no entry ever does, a restart forgets it.
func (x *Index) Handle(org string) (Handle, error) {
	x.orgs.mu.Lock()
	defer x.orgs.mu.Unlock()
	if h, ok := x.orgs.pending[org]; ok {
		return h, nil
	}
	h, err := x.LookupHandle(org)
	if errors.Is(err, ErrNotFound) {
		rand.Read(h[:]) // never fails: crypto/rand ends the process instead
		x.orgs.pending[org] = h
		return h, nil
	}
	return h, err
}

// LookupHandle returns the handle of the organisation, or ErrNotFound.
func (x *Index) LookupHandle(org string) (h Handle, err error) {
	value, err := x.db.Get(kv.OrgKey(x.digest(domainOrg, org)))
	if err != nil {
		return h, fmt.Errorf("look up organisation: %w", err)
	}
	if len(value) != len(h)+len(org) || string(value[len(h):]) != org {
		return h, fmt.Errorf("look up organisation: its row is damaged")
	}
	copy(h[:], value)
	return h, nil
}

// PutOrg writes to b that h, which [Index.Handle] returned, stands for the
// organisation, unless that is written already. It belongs into the batch of
// every entry that names h, and costs nothing after the first.
func (x *Index) PutOrg(b *kv.Batch, org string, h Handle) error {
	x.orgs.mu.Lock()
	defer x.orgs.mu.Unlock()
	if _, ok := x.orgs.pending[org]; !ok {
		return nil // it came from the database
	}
	key := kv.OrgKey(x.digest(domainOrg, org))
	stored, err := b.Stored(key)
	if err != nil {
		return fmt.Errorf("register organisation: %w", err)
	}
	if stored {
		delete(x.orgs.pending, org)
		return nil
	}
	if _, err := b.Get(key); errors.Is(err, ErrNotFound) {
		b.SetTracked(key, append(h[:], org...))
		b.Set(kv.HandleKey(h), []byte(org))
	} else if err != nil {
		return fmt.Errorf("register organisation: %w", err)
	}
	return nil
}

// Org returns the name of the organisation that h stands for, or ErrNotFound.
func (x *Index) Org(h Handle) (string, error) {
	value, err := x.db.Get(kv.HandleKey(h))
	if err != nil {
		return "", fmt.Errorf("look up handle: %w", err)
	}
	return string(value), nil
}

// Orgs returns the names of the organisations that have a handle, at most max, in
// no order that means anything.
func (x *Index) Orgs(max int) (names []string, err error) {
	lower, upper := kv.HandleBounds()
	err = x.db.Scan(lower, upper, func(_, value []byte) error {
		if len(names) == max {
			return errEnough
		}
		names = append(names, string(value))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("list organisations: %w", err)
	}
	return names, nil
}

// errEnough ends a scan.
var errEnough = errors.New("enough")
