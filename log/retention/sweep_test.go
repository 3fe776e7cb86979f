package retention_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/retention"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

var now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// simlog is a log in memory, in which a test decides when entries are durable.
type simlog struct {
	t       *testing.T
	db      *kv.DB
	index   *index.Index
	entries [][]byte
	acts    int           // batches of destruction
	begun   chan struct{} // gets one for each entry that is appended
	durable chan struct{} // if there is one, entries are once it is closed
}

func newSimlog(t *testing.T) (*simlog, *retention.Keeper) {
	t.Helper()
	db := logtest.Must(kv.Open(t.TempDir(), kv.Options{Create: true, Origin: "o", MemTableBytes: 1 << 20}))
	t.Cleanup(func() { db.Close() })
	l := &simlog{t: t, db: db, index: index.New(db), begun: make(chan struct{}, 100)}
	k, err := retention.Open(db, l.index, l, retention.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return l, k
}

// Append implements retention.Log, as does the rest.
func (l *simlog) Append(data []byte, r driver.Records) func() (uint64, error) {
	at := uint64(len(l.entries))
	l.entries = append(l.entries, data)
	b := l.db.NewBatch()
	err := r.Append(b, at)
	if err == nil {
		err = b.Commit(false)
	}
	l.begun <- struct{}{}
	return func() (uint64, error) {
		if l.durable != nil {
			<-l.durable
		}
		return at, err
	}
}

func (l *simlog) AwaitPublished(context.Context, uint64) error { return nil }
func (l *simlog) PublishedSize() uint64                        { return uint64(len(l.entries)) }
func (l *simlog) Refused() error                               { return nil }

func (l *simlog) Entries(_ context.Context, n uint64) ([][]byte, error) {
	return l.entries[n*tile.Width : min((n+1)*tile.Width, uint64(len(l.entries)))], nil
}

func (l *simlog) Unlist(_ *kv.Batch, _ map[uint64]*receipt.Receipt, commit func() error) error {
	l.acts++
	return commit()
}

// receipt logs a receipt that was due yesterday.
func (l *simlog) receipt(is *logtest.Issuer, org string) (at uint64) {
	l.t.Helper()
	at = uint64(len(l.entries))
	plain := logtest.Must(receipt.Parse(is.Receipt(fmt.Sprint("run-", at), func(c *receipt.Credential) { c.CredentialSubject.Build.Org = org }))).Canonical()
	handle := logtest.Must(l.index.Handle(org))
	salt := sha256.Sum256(plain)
	e := entry.Receipt{Commitment: entry.Commit(salt, plain), Issuer: is.DID, Key: did.EncodeKey(is.Key.Public().(ed25519.PublicKey)), Org: handle.String(),
		At: now.AddDate(-1, 0, 0), Retain: entry.FormatTime(now.AddDate(0, 0, -1))}
	b := l.db.NewBatch()
	logtest.Must(body.Seal(e.Commitment, salt, plain)).Put(b, at)
	promise.Due(b, rules.PromiseOf(e).Until.Unix(), at)
	if err := l.index.PutOrg(b, org, handle); err != nil {
		l.t.Fatal(err)
	}
	if err := b.Commit(false); err != nil {
		l.t.Fatal(err)
	}
	l.entries = append(l.entries, e.Marshal())
	return at
}

// fill logs receipts of organisations in turns.
func (l *simlog) fill(orgs, each int) {
	is := logtest.NewIssuer("did:web:issuer.example")
	for n := range orgs * each {
		l.receipt(is, fmt.Sprint("org-", n%orgs))
	}
}

func (l *simlog) erased() (n int) {
	for at := range l.entries {
		if _, err := retention.ErasedBy(l.db, uint64(at)); err == nil {
			n++
		}
	}
	return n
}

// run takes steps until there is nothing more to do.
func run(t *testing.T, k *retention.Keeper) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = k.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSweepSharesBatches holds that what is due is destroyed many at a time, and
// with one entry an organisation, however the receipts of organisations take
// turns in the log: a batch for each would take a sync of the disk each.
func TestSweepSharesBatches(t *testing.T) {
	l, k := newSimlog(t)
	l.fill(7, 50)
	run(t, k)
	if n := l.erased(); n != 350 {
		t.Errorf("%d of 350 are erased", n)
	}
	if erasures := len(l.entries) - 350; erasures != 7 || l.acts > 3 {
		t.Errorf("%d erasures of 7 organisations, carried out in %d batches", erasures, l.acts)
	}
	if !k.Idle() {
		t.Error("there is more to do")
	}
}

// TestSubmittersDoNotWaitForErasures holds that receipts are promised while an
// erasure is on its way to the disk.
func TestSubmittersDoNotWaitForErasures(t *testing.T) {
	l, k := newSimlog(t)
	l.fill(2, 3)
	l.durable = make(chan struct{})
	stepped := make(chan error, 1)
	go func() {
		for range 3 { // look, look for more, append
			if _, err := k.Step(t.Context()); err != nil {
				stepped <- err
				return
			}
		}
		stepped <- nil
	}()
	<-l.begun
	<-l.begun
	promised := make(chan error, 1)
	go func() {
		promised <- k.Promise("00112233445566778899aabbccddeeff", now, nil, func(string) error { return nil })
	}()
	select {
	case err := <-promised:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a submitter waits for an erasure")
	}
	close(l.durable)
	if err := <-stepped; err != nil {
		t.Fatal(err)
	}
	if run(t, k); l.erased() != 6 {
		t.Errorf("%d of 6 are erased", l.erased())
	}
}

// TestI6HoldBetweenLookAndErasure places a hold, and asks for an erasure, when a
// sweep has looked at receipts and has not appended their erasure yet.
func TestI6HoldBetweenLookAndErasure(t *testing.T) {
	l, k := newSimlog(t)
	l.fill(2, 3)
	if more, err := k.Step(t.Context()); !more || err != nil {
		t.Fatal(more, err)
	}
	if len(l.entries) != 6 {
		t.Fatal("the sweep did not stop between looking and appending")
	}
	hold := entry.Hold{Action: entry.HoldPlaced, Ranges: []entry.Range{{First: 0, Last: 1}}, Basis: "litigation", Asked: "counsel"}
	if _, _, err := k.Hold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	org := logtest.Must(l.index.Handle("org-0"))
	if _, _, err := k.Erase(t.Context(), org.String(), []uint64{2}, "GDPR Article 17", "case 31"); err != nil {
		t.Fatal(err)
	}
	run(t, k)
	if n := l.erased(); n != 4 {
		t.Errorf("%d are erased, want the 4 that are not held", n)
	}
	for at := range uint64(2) {
		if _, err := retention.ErasedBy(l.db, at); err == nil {
			t.Errorf("receipt %d was erased under hold", at)
		}
	}
	if by := logtest.Must(retention.ErasedBy(l.db, 2)); by != 7 {
		t.Errorf("receipt 2 was erased by entry %d, want 7, which was asked for", by)
	}
}

// TestHoldLiftedMidway lifts a hold when an erasure is half carried out: what the
// hold stopped before is looked at again.
func TestHoldLiftedMidway(t *testing.T) {
	l, k := newSimlog(t)
	const n = 200 // more than one batch destroys
	l.fill(1, n)
	org := logtest.Must(l.index.Handle("org-0"))
	var all []uint64
	for at := range uint64(n) {
		all = append(all, at)
	}
	if _, _, err := k.Erase(t.Context(), org.String(), all, "GDPR Article 17", "case 31"); err != nil {
		t.Fatal(err)
	}
	hold := entry.Hold{Action: entry.HoldPlaced, Ranges: []entry.Range{{First: 0, Last: 0}}, Basis: "litigation", Asked: "counsel"}
	placed, _, err := k.Hold(t.Context(), hold)
	if err != nil {
		t.Fatal(err)
	}
	if more, err := k.Step(t.Context()); !more || err != nil {
		t.Fatal(more, err)
	}
	if done := l.erased(); done == 0 || done >= n-1 {
		t.Fatalf("%d are erased: this is not midway", done)
	}
	if _, _, err := k.Hold(t.Context(), entry.Hold{Action: entry.HoldLifted, Lifts: &placed, Basis: "settled", Asked: "counsel"}); err != nil {
		t.Fatal(err)
	}
	if run(t, k); l.erased() != n || !k.Idle() {
		t.Errorf("%d of %d are erased", l.erased(), n)
	}
}

// TestErasuresBeforeOneThatFails holds that an erasure which cannot be carried out
// stops none that was appended before it.
func TestErasuresBeforeOneThatFails(t *testing.T) {
	l, k := newSimlog(t)
	l.fill(2, 3)
	for n, at := range []uint64{0, 1} { // one of each organisation
		org := logtest.Must(l.index.Handle(fmt.Sprint("org-", n)))
		if _, _, err := k.Erase(t.Context(), org.String(), []uint64{at}, "GDPR Article 17", "case 31"); err != nil {
			t.Fatal(err)
		}
	}
	l.entries[1] = []byte("rotten")
	if _, err := k.Step(t.Context()); err == nil {
		t.Fatal("an entry that cannot be read stops nothing")
	}
	k.Step(t.Context())
	if _, err := retention.ErasedBy(l.db, 0); err != nil {
		t.Errorf("the erasure before is not carried out: %v", err)
	}
}
