package access

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/access"
	"github.com/armalo/receiptlog/storage/kv"
)

// Bounds on keys: all of them are in memory, at some 500 bytes each. Those that
// have ended are kept for the list until room is needed.
const (
	maxKeys       = 10_000
	maxKeysPerOrg = 1_000 // so that one organisation cannot use up all of them
)

// Names of acts on the trail.
const (
	ActCreate = "key.create"
	ActRevoke = "key.revoke"
	ActRotate = "key.rotate"
)

// Create makes a key. It is durable when Create returns.
//
// Errors: forbidden, malformed, too_many_keys.
func (r *Ring) Create(by Caller, q api.KeyRequest) (*api.NewKey, error) {
	if err := mayManage(by, q.Org); err != nil {
		return nil, err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	now := r.now()
	if err := check(&q, now); err != nil {
		return nil, err
	}
	if err := inherit(by, &q); err != nil {
		return nil, err
	}
	b := r.db.NewBatch()
	gone, err := r.makeRoom(b, q.Org, now)
	if err != nil {
		return nil, err
	}
	made, secret := r.draw(api.Key{Name: q.Name, Org: q.Org, Scopes: q.Scopes, Expires: q.Expires, Rate: q.Rate, Quota: q.Quota}, by, now)
	err = r.change(b, by, api.Act{Act: ActCreate, Org: q.Org, Subject: made.ID, Detail: describe(&made.Key)}, gone, made)
	if err != nil {
		return nil, err
	}
	return &api.NewKey{Key: made.Key, Secret: secret}, nil
}

// Rotate makes a key in place of another, which goes on until q.Until.
//
// Errors: forbidden, malformed, no_such_key, key_ended, too_many_keys.
func (r *Ring) Rotate(by Caller, id string, q api.RotateRequest) (*api.NewKey, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	old, err := r.find(by, id)
	if err != nil {
		return nil, err
	}
	now := r.now()
	if why := old.ended(now); why != "" {
		return nil, verdict.Errorf(api.CodeKeyEnded, "", "%s: make a new one", why)
	}
	if old.ReplacedBy != "" {
		return nil, verdict.Errorf(api.CodeKeyEnded, "", "the key was replaced already, by %s", old.ReplacedBy)
	}
	if err := checkExpiry(&q.Until, "until", now); err != nil {
		return nil, err
	}
	if err := checkExpiry(&q.Expires, "expires", now); err != nil {
		return nil, err
	}
	b := r.db.NewBatch()
	gone, err := r.makeRoom(b, old.Org, now)
	if err != nil {
		return nil, err
	}
	key := old.Key
	key.Expires, key.Replaces = q.Expires, old.ID
	made, secret := r.draw(key, by, now)
	ends := *old
	ends.ReplacedBy = made.ID
	until := now.Truncate(time.Second)
	if !q.Until.IsZero() {
		until = q.Until
	}
	if ends.Expires.IsZero() || until.Before(ends.Expires) {
		ends.Expires = until
	}
	act := api.Act{Act: ActRotate, Org: old.Org, Subject: old.ID,
		Detail: fmt.Sprintf("replaced by %s; ends %s", made.ID, ends.Expires.Format(time.RFC3339))}
	if err := r.change(b, by, act, gone, made, &ends); err != nil {
		return nil, err
	}
	return &api.NewKey{Key: made.Key, Secret: secret}, nil
}

// Revoke ends a key at once. One that was revoked before stays as it is.
//
// Errors: forbidden, no_such_key.
func (r *Ring) Revoke(by Caller, id string) (*api.Key, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	old, err := r.find(by, id)
	if err != nil {
		return nil, err
	}
	if !old.Revoked.IsZero() {
		return r.shown(old), nil
	}
	ends := *old
	ends.Revoked = r.now().Truncate(time.Second)
	act := api.Act{Act: ActRevoke, Org: old.Org, Subject: old.ID, Detail: describe(&old.Key)}
	if err := r.change(r.db.NewBatch(), by, act, 0, &ends); err != nil {
		return nil, err
	}
	return r.shown(&ends), nil
}

// List returns the keys that the caller may manage, oldest first.
func (r *Ring) List(by Caller) ([]api.Key, error) {
	if !by.Has(api.ScopeAdmin) {
		return nil, forbidden(api.ScopeAdmin)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	keys := []api.Key{}
	for _, h := range r.keys {
		if by.Covers(h.record.Org) {
			keys = append(keys, h.shown())
		}
	}
	slices.SortFunc(keys, func(a, b api.Key) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return keys, nil
}

// Get returns one key.
func (r *Ring) Get(by Caller, id string) (*api.Key, error) {
	key, err := r.find(by, id)
	if err != nil {
		return nil, err
	}
	return r.shown(key), nil
}

// find returns a key that the caller may manage. One of another organisation is
// not there, in the same words as one that does not exist.
func (r *Ring) find(by Caller, id string) (*record, error) {
	if !by.Has(api.ScopeAdmin) {
		return nil, forbidden(api.ScopeAdmin)
	}
	n, ok := parseID(id)
	r.mu.RLock()
	defer r.mu.RUnlock()
	h := r.keys[n]
	if !ok || h == nil || !by.Covers(h.record.Org) {
		return nil, verdict.Errorf(api.CodeNoSuchKey, "", "there is no such key")
	}
	return h.record, nil
}

// mayManage says whether the caller may make keys for an organisation.
func mayManage(by Caller, org string) error {
	if !by.Has(api.ScopeAdmin) {
		return forbidden(api.ScopeAdmin)
	}
	if !by.Covers(org) {
		return verdict.Errorf(api.CodeForbidden, "org", "this key makes keys for its own organisation only: %s", by.Org())
	}
	return nil
}

func forbidden(s api.Scope) error {
	return verdict.Errorf(api.CodeForbidden, "", "this wants a key with the scope %s", s)
}

// inherit bounds a key by the one that an organisation's own administrator
// makes it with.
func inherit(by Caller, q *api.KeyRequest) error {
	if by.All() {
		return nil
	}
	maker := by.key.record
	if q.Rate == 0 {
		q.Rate = maker.Rate
	}
	if q.Quota == 0 {
		q.Quota = maker.Quota
	}
	if q.Rate > maker.Rate {
		return verdict.Errorf(api.CodeForbidden, "rate", "must not be more than that of the key it is made with")
	}
	if maker.Quota != 0 && q.Quota > maker.Quota {
		return verdict.Errorf(api.CodeForbidden, "quota", "must not be more than that of the key it is made with")
	}
	return nil
}

// makeRoom drops, in b, the key that ended first if there are too many. It
// returns its id, or 0.
func (r *Ring) makeRoom(b *kv.Batch, org string, now time.Time) (gone uint64, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	own := 0
	for _, h := range r.keys {
		if org != "" && h.record.Org == org {
			own++
		}
	}
	full := own >= maxKeysPerOrg
	if !full && len(r.keys) < maxKeys {
		return 0, nil
	}
	var first *record
	for _, h := range r.keys {
		k := h.record
		if k.ended(now) == "" || full && k.Org != org {
			continue
		}
		if first == nil || k.endedAt().Before(first.endedAt()) {
			first = k
		}
	}
	if first == nil {
		return 0, verdict.Errorf(api.CodeTooManyKeys, "", "there are too many keys: revoke some")
	}
	access.DropKey(b, first.id)
	return first.id, nil
}

// draw makes a record and a secret of what is known of a key.
func (r *Ring) draw(key api.Key, by Caller, now time.Time) (*record, string) {
	id := newID()
	r.mu.RLock()
	for r.keys[id] != nil || id == 0 {
		id = newID()
	}
	r.mu.RUnlock()
	secret, hash := newSecret(id)
	key.ID, key.Created, key.CreatedBy = formatID(id), now.Truncate(time.Second), by.ID()
	return &record{Key: key, Hash: hex.EncodeToString(hash[:]), id: id, hash: hash}, secret
}

// change makes keys and the act durable, and then lets them count.
func (r *Ring) change(b *kv.Batch, by Caller, act api.Act, gone uint64, changed ...*record) error {
	for _, k := range changed {
		value, err := k.marshal()
		if err != nil {
			return err
		}
		access.PutKey(b, k.id, value)
	}
	if err := r.putAct(b, by, &act); err != nil {
		return err
	}
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	r.next++
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, gone)
	for _, k := range changed {
		m := new(meter)
		if old := r.keys[k.id]; old != nil {
			m = old.meter
		}
		r.keys[k.id] = &held{k, m}
	}
	return nil
}

// shown is a key as it is shown to those who manage it.
func (h *held) shown() api.Key {
	key := h.record.Key
	key.LastUsed = h.meter.lastUsed()
	return key
}

func (r *Ring) shown(k *record) *api.Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	key := k.Key
	if h := r.keys[k.id]; h != nil {
		key.LastUsed = h.meter.lastUsed()
	}
	return &key
}

// describe says in the trail what a key is for.
func describe(k *api.Key) string {
	var scopes []string
	for _, s := range k.Scopes {
		scopes = append(scopes, string(s))
	}
	return fmt.Sprintf("%q: %s", k.Name, strings.Join(scopes, " "))
}
