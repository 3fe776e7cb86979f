package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/access"
	"github.com/armalo/receiptlog/storage/kv"
)

// rig is a ring over a database in memory, with a clock that a test moves.
type rig struct {
	t   *testing.T
	mem *vfs.MemFS
	db  *kv.DB
	now time.Time
	*Ring
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, mem: vfs.NewCrashableMem(), now: time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)}
	r.open(r.mem, true)
	t.Cleanup(func() { r.db.Close() })
	return r
}

func (r *rig) open(fs vfs.FS, create bool) {
	r.t.Helper()
	var err error
	if r.db, err = kv.Open("db", kv.Options{FS: fs, Create: create, Origin: "test"}); err != nil {
		r.t.Fatal(err)
	}
	if r.Ring, err = Open(r.db, Options{Now: func() time.Time { return r.now }}); err != nil {
		r.t.Fatal(err)
	}
}

// reopen goes on from what is there after a stop.
func (r *rig) reopen() {
	r.t.Helper()
	r.Ring.Close()
	if err := r.db.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open(r.mem, false)
}

// crash goes on from what was synced.
func (r *rig) crash() {
	r.t.Helper()
	clone := r.mem.CrashClone(vfs.CrashCloneCfg{})
	r.db.Close()
	r.mem = clone
	r.open(r.mem, false)
}

func (r *rig) create(q api.KeyRequest) *api.NewKey {
	r.t.Helper()
	if q.Name == "" {
		q.Name = "a test"
	}
	key, err := r.Create(Console(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return key
}

func (r *rig) caller(secret string) Caller {
	r.t.Helper()
	c, err := r.Authenticate(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// refused wants the key to be no good, and returns why.
func (r *rig) refused(secret string) string {
	r.t.Helper()
	c, err := r.Authenticate(secret)
	if verdict.CodeOf(err) != api.CodeUnauthorized || !c.Anybody() {
		r.t.Fatalf("a key that is no good: %v, %+v", err, c)
	}
	return err.Error()
}

func wantCode(t *testing.T, err error, code verdict.Code) {
	t.Helper()
	if verdict.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

var admin = api.KeyRequest{Name: "administrator", Scopes: []api.Scope{api.ScopeAdmin}}

// TestKeyIsStoredAsHash looks for the key in everything that is on the disk.
func TestKeyIsStoredAsHash(t *testing.T) {
	r := newRig(t)
	key := r.create(admin)
	r.caller(key.Secret)
	r.reopen()
	sum := sha256.Sum256([]byte(key.Secret))
	random := key.Secret[len(secretPrefix)+idDigits+1:]
	found := map[string]bool{}
	err := r.db.Scan([]byte{0}, nil, func(k, v []byte) error {
		for _, text := range []string{random, hex.EncodeToString(sum[:])} {
			if bytes.Contains(k, []byte(text)) || bytes.Contains(v, []byte(text)) {
				found[text] = true
			}
		}
		return nil
	})
	if err != nil || found[random] || !found[hex.EncodeToString(sum[:])] {
		t.Errorf("found %v, %v: the hash is to be there and the key is not", found, err)
	}
	if listed := fmt.Sprintf("%+v", must(r.List(Console()))); strings.Contains(listed, random) || strings.Contains(listed, hex.EncodeToString(sum[:])) {
		t.Errorf("the list shows the key or its hash: %s", listed)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestOnlyTheKeyItself changes every byte of a key.
func TestOnlyTheKeyItself(t *testing.T) {
	r := newRig(t)
	key := r.create(admin)
	for i := range key.Secret {
		wrong := []byte(key.Secret)
		wrong[i] ^= 1
		r.refused(string(wrong))
	}
	for _, wrong := range []string{"", "rl_", key.ID, key.Secret[:len(key.Secret)-1], key.Secret + "A", strings.ToUpper(key.Secret), " " + key.Secret} {
		r.refused(wrong)
	}
	if c := r.caller(key.Secret); !c.Has(api.ScopeAdmin) || c.Has(api.ScopeReceiptsRead) || !c.All() {
		t.Error("the key itself does not allow what it was made for, or more")
	}
}

// TestKeysSurviveCrashes holds each change to be durable, with its act, once it
// is answered.
func TestKeysSurviveCrashes(t *testing.T) {
	r := newRig(t)
	key := r.create(admin)
	r.crash()
	r.caller(key.Secret)
	next := must(r.Rotate(Console(), key.ID, api.RotateRequest{Until: r.now.Add(time.Hour)}))
	r.crash()
	r.caller(key.Secret)
	r.caller(next.Secret)
	must(r.Revoke(Console(), next.ID))
	r.crash()
	r.refused(next.Secret)
	var acts []string
	for _, act := range must(r.Trail(Console(), 0, 100)).Acts {
		acts = append(acts, act.Act+" "+act.Subject)
	}
	if want := []string{ActCreate + " " + key.ID, ActRotate + " " + key.ID, ActRevoke + " " + next.ID}; !slices.Equal(acts, want) {
		t.Errorf("trail %q, want %q", acts, want)
	}
}

func TestExpiryAndRotation(t *testing.T) {
	r := newRig(t)
	q := admin
	q.Expires = r.now.Add(time.Hour)
	key := r.create(q)
	next := must(r.Rotate(Console(), key.ID, api.RotateRequest{Until: r.now.Add(2 * time.Hour)}))
	if next.Replaces != key.ID || !next.Expires.IsZero() || next.Name != key.Name || !slices.Equal(next.Scopes, key.Scopes) {
		t.Errorf("the new key is %+v", next)
	}
	if old := must(r.Get(Console(), key.ID)); old.ReplacedBy != next.ID || !old.Expires.Equal(q.Expires) {
		t.Errorf("the old key lives longer than it would have: %+v", old)
	}
	r.now = r.now.Add(time.Hour - time.Second)
	r.caller(key.Secret)
	r.now = r.now.Add(time.Second)
	if why := r.refused(key.Secret); !strings.Contains(why, "expired") {
		t.Error(why)
	}
	r.caller(next.Secret)
	_, err := r.Rotate(Console(), key.ID, api.RotateRequest{})
	wantCode(t, err, api.CodeKeyEnded)
	last := must(r.Rotate(Console(), next.ID, api.RotateRequest{}))
	r.refused(next.Secret) // no overlap was asked for
	must(r.Revoke(Console(), last.ID))
	if why := r.refused(last.Secret); !strings.Contains(why, "revoked") {
		t.Error(why)
	}
}

// TestOrganisationsApart: who manages the keys of one organisation learns nothing
// of another's, and gives away no more than it has.
func TestOrganisationsApart(t *testing.T) {
	r := newRig(t)
	theirs := r.create(api.KeyRequest{Org: "other", Scopes: []api.Scope{api.ScopeReceiptsRead}})
	all := r.create(api.KeyRequest{Scopes: []api.Scope{api.ScopeReceiptsRead}})
	boss := r.caller(r.create(api.KeyRequest{Org: "acme", Scopes: []api.Scope{api.ScopeAdmin, api.ScopeAuditRead}, Rate: 10, Quota: 5}).Secret)

	_, absent := r.Get(boss, "0123456789abcdef")
	for _, id := range []string{theirs.ID, all.ID} {
		for what, err := range map[string]error{
			"get":    second(r.Get(boss, id)),
			"revoke": second(r.Revoke(boss, id)),
			"rotate": second(r.Rotate(boss, id, api.RotateRequest{})),
		} {
			if err == nil || err.Error() != absent.Error() {
				t.Errorf("%s of another's key: %v, want %v", what, err, absent)
			}
		}
	}
	for _, org := range []string{"other", ""} {
		_, err := r.Create(boss, api.KeyRequest{Name: "x", Org: org, Scopes: []api.Scope{api.ScopeReceiptsRead}})
		wantCode(t, err, api.CodeForbidden)
	}
	own := must(r.Create(boss, api.KeyRequest{Name: "own", Org: "acme", Scopes: []api.Scope{api.ScopeReceiptsWrite}}))
	if own.Rate != 10 || own.Quota != 5 {
		t.Errorf("the bounds are not inherited: %+v", own.Key)
	}
	for _, q := range []api.KeyRequest{{Rate: 11}, {Quota: 6}} {
		q.Name, q.Org, q.Scopes = "more", "acme", []api.Scope{api.ScopeReceiptsWrite}
		_, err := r.Create(boss, q)
		wantCode(t, err, api.CodeForbidden)
	}
	for _, k := range must(r.List(boss)) {
		if k.Org != "acme" {
			t.Errorf("lists %+v", k)
		}
	}
	for _, act := range must(r.Trail(boss, 0, 100)).Acts {
		if act.Org != "acme" {
			t.Errorf("the trail shows %+v", act)
		}
	}
	reader := r.caller(theirs.Secret)
	for what, err := range map[string]error{
		"list":   second(r.List(reader)),
		"get":    second(r.Get(reader, theirs.ID)),
		"create": second(r.Create(reader, api.KeyRequest{Name: "x", Org: "other", Scopes: []api.Scope{api.ScopeAdmin}})),
		"revoke": second(r.Revoke(reader, theirs.ID)),
		"trail":  second(r.Trail(reader, 0, 1)),
		"nobody": second(r.List(Caller{})),
	} {
		if verdict.CodeOf(err) != api.CodeForbidden {
			t.Errorf("%s without the scope: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRequestsAreChecked(t *testing.T) {
	r := newRig(t)
	good := api.KeyRequest{Name: "x", Org: "acme", Scopes: []api.Scope{api.ScopeAdmin}}
	for name, change := range map[string]func(*api.KeyRequest){
		"no name":       func(q *api.KeyRequest) { q.Name = " " },
		"long name":     func(q *api.KeyRequest) { q.Name = strings.Repeat("x", api.MaxKeyName+1) },
		"two lines":     func(q *api.KeyRequest) { q.Name = "a\nb" },
		"bad UTF-8":     func(q *api.KeyRequest) { q.Name = "\xff" },
		"no scope":      func(q *api.KeyRequest) { q.Scopes = nil },
		"unknown scope": func(q *api.KeyRequest) { q.Scopes = append(q.Scopes, "root") },
		"odd org":       func(q *api.KeyRequest) { q.Org = "a/b" },
		"rate":          func(q *api.KeyRequest) { q.Rate = -1 },
		"high rate":     func(q *api.KeyRequest) { q.Rate = api.MaxKeyRate + 1 },
		"quota":         func(q *api.KeyRequest) { q.Quota = -1 },
		"past":          func(q *api.KeyRequest) { q.Expires = r.now },
	} {
		q := good
		q.Scopes = slices.Clone(good.Scopes)
		change(&q)
		if _, err := r.Create(Console(), q); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Scopes = []api.Scope{api.ScopeAdmin, api.ScopeReceiptsRead, api.ScopeAdmin}
	if key := r.create(good); !slices.Equal(key.Scopes, []api.Scope{api.ScopeReceiptsRead, api.ScopeAdmin}) {
		t.Errorf("scopes %v are not in order, once each", key.Scopes)
	}
}

func TestRateLimit(t *testing.T) {
	r := newRig(t)
	q := admin
	q.Rate = 5
	key := r.create(q)
	for i := range 10 {
		if _, err := r.Authenticate(key.Secret); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	_, err := r.Authenticate(key.Secret)
	limit, ok := errors.AsType[*LimitError](err)
	if !ok || verdict.CodeOf(err) != api.CodeRateLimited || limit.Wait != time.Second {
		t.Fatalf("%v", err)
	}
	r.refused(key.Secret + "x") // guessing costs the key's holder nothing
	r.now = r.now.Add(200 * time.Millisecond)
	r.caller(key.Secret)
	if _, err := r.Authenticate(key.Secret); verdict.CodeOf(err) != api.CodeRateLimited {
		t.Errorf("one request is earned in 200 ms, not two: %v", err)
	}
	r.now = r.now.Add(-time.Hour) // a clock that is set back gives and takes nothing
	if _, err := r.Authenticate(key.Secret); verdict.CodeOf(err) != api.CodeRateLimited {
		t.Errorf("%v", err)
	}
}

func TestQuota(t *testing.T) {
	r := newRig(t)
	key := r.create(api.KeyRequest{Scopes: []api.Scope{api.ScopeReceiptsWrite}, Quota: 3})
	c := r.caller(key.Secret)
	for range 2 {
		must(r.Take(c))
	}
	must(r.Take(c))() // given back
	must(r.Take(c))
	_, err := r.Take(c)
	limit, ok := errors.AsType[*LimitError](err)
	if !ok || limit.Wait != 14*time.Hour || verdict.CodeOf(err) != api.CodeQuotaExceeded {
		t.Fatalf("at 10:00 with nothing left: %v, wait %v", err, limit)
	}
	r.reopen()
	c = r.caller(key.Secret)
	if _, err := r.Take(c); verdict.CodeOf(err) != api.CodeQuotaExceeded {
		t.Errorf("a restart gave a new quota: %v", err)
	}
	r.now = r.now.Add(14 * time.Hour)
	must(r.Take(c))
	must(r.Revoke(Console(), key.ID))
	if _, err := r.Take(c); verdict.CodeOf(err) != api.CodeUnauthorized {
		t.Errorf("a batch goes on with a key that was revoked: %v", err)
	}
	for range 100 {
		must(r.Take(Caller{})) // anybody has no key's quota
	}
}

// TestUseIsWrittenLazily bounds how often a use is written, and how much is lost.
func TestUseIsWrittenLazily(t *testing.T) {
	r := newRig(t)
	key := r.create(admin)
	stored := func() (at time.Time) {
		err := access.Uses(r.db, func(_ uint64, u access.Use) { at = time.Unix(u.Unix, 0).UTC() })
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	began := r.now
	for range 100 {
		r.caller(key.Secret)
		r.now = r.now.Add(500 * time.Millisecond)
	}
	if at := stored(); !at.Equal(began) {
		t.Errorf("after %v the row says %v, want only the first use, %v", r.now.Sub(began), at, began)
	}
	if used := must(r.Get(Console(), key.ID)).LastUsed; r.now.Sub(used) > time.Second {
		t.Errorf("the list says %v, at %v", used, r.now)
	}
	r.now = r.now.Add(useEvery)
	r.caller(key.Secret)
	if at := stored(); !at.Equal(r.now.Truncate(time.Second)) {
		t.Errorf("a minute later the row says %v, want %v", at, r.now)
	}
	last := r.now.Add(5 * time.Second)
	r.now = last
	r.caller(key.Secret)
	r.reopen()
	if at := stored(); !at.Equal(last.Truncate(time.Second)) {
		t.Errorf("after a stop the row says %v, want %v", at, last)
	}
}

// TestTrailPages reads a long trail in pages, as one who sees all of it and as
// one who sees little.
func TestTrailPages(t *testing.T) {
	r := newRig(t)
	for i := range 25 {
		org := "acme"
		if i%5 != 0 {
			org = "other"
		}
		if seq := must(r.Note(Console(), api.Act{Act: "test", Org: org})); seq != uint64(i) {
			t.Fatalf("act %d has number %d", i, seq)
		}
	}
	r.crash()
	read := func(by Caller) (acts []api.Act) {
		from, more := uint64(0), true
		for more {
			page := must(r.Trail(by, from, 4))
			acts = append(acts, page.Acts...)
			if more = page.Next != nil; more {
				from = *page.Next
			}
		}
		return acts
	}
	if acts := read(Console()); len(acts) != 25 || acts[24].Seq != 24 || acts[0].By != "console" {
		t.Errorf("%+v", acts)
	}
	reader := r.caller(r.create(api.KeyRequest{Org: "acme", Scopes: []api.Scope{api.ScopeAuditRead}}).Secret)
	if acts := read(reader); len(acts) != 5+1 { // and the making of this key
		t.Errorf("%d acts of acme: %+v", len(acts), acts)
	}
}

// TestManyKeys: when there is no room, the key that ended first makes some.
func TestManyKeys(t *testing.T) {
	r := newRig(t)
	var first, second *api.NewKey
	for i := range maxKeysPerOrg {
		key := r.create(api.KeyRequest{Org: "acme", Scopes: []api.Scope{api.ScopeReceiptsRead}})
		switch i {
		case 0:
			first = key
		case 1:
			second = key
		}
	}
	q := api.KeyRequest{Name: "more", Org: "acme", Scopes: []api.Scope{api.ScopeReceiptsRead}}
	_, err := r.Create(Console(), q)
	wantCode(t, err, api.CodeTooManyKeys)
	r.create(api.KeyRequest{Org: "other", Scopes: []api.Scope{api.ScopeReceiptsRead}})
	must(r.Revoke(Console(), second.ID))
	r.now = r.now.Add(time.Minute)
	must(r.Revoke(Console(), first.ID))
	r.create(q)
	if _, err := r.Get(Console(), second.ID); verdict.CodeOf(err) != api.CodeNoSuchKey {
		t.Errorf("the key that ended first is still there: %v", err)
	}
	must(r.Get(Console(), first.ID))
	r.reopen()
	if n := len(must(r.List(Console()))); n != maxKeysPerOrg+1 {
		t.Errorf("%d keys", n)
	}
}

func FuzzSecret(f *testing.F) {
	secret, hash := newSecret(0xfedcba9876543210)
	f.Add(secret)
	f.Add("rl_fedcba9876543210_")
	f.Add("rl_FEDCBA9876543210_x")
	f.Add("rl_+edcba9876543210_x")
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := idOf(s); ok && !strings.HasPrefix(s, secretPrefix+formatID(id)+"_") {
			t.Errorf("%q has the id %x in another spelling", s, id)
		}
		if matches(s, hash) != (s == secret) {
			t.Errorf("%q matches", s)
		}
	})
}

func FuzzRecord(f *testing.F) {
	_, hash := newSecret(1)
	f.Add([]byte(`{"id":"0000000000000001","name":"x","scopes":["admin"],"created":"2026-05-12T10:00:00Z","createdBy":"console","sha256":"` + hex.EncodeToString(hash[:]) + `"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(1, data)
		if err != nil {
			return
		}
		again, err := parseRecord(1, must(r.marshal()))
		if err != nil || again.hash != r.hash || again.Name != r.Name {
			t.Errorf("%s does not come back: %v", data, err)
		}
	})
}
