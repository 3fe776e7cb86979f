package log_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	query "github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

// varied makes a receipt of a run with fields drawn at random from few values,
// so that each query below has some answers and misses others.
func varied(r *rand.Rand) func(*receipt.Credential) {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	return func(c *receipt.Credential) {
		b := &c.CredentialSubject.Build
		b.Org, b.Project, b.Repository = pick("acme", "umbrella"), pick("", "shop", "till"), pick("", "https://git.example/shop")
		b.Diff.Head = pick("", fmt.Sprintf("%040x", r.IntN(20)))
		b.Jury = &receipt.Jury{Verdict: pick(receipt.Approve, receipt.Revise, receipt.Block)}
		b.Models = nil
		for range r.IntN(4) {
			b.Models = append(b.Models, receipt.Model{Provider: pick("one", "two"), Model: pick("m1", "m2", "m3"), Version: pick("", "v1", "v2"), Role: receipt.RoleJuror})
		}
		b.PolicyGates = []receipt.Gate{
			{ID: receipt.GatePublish, Decision: pick(receipt.Allow, receipt.Allow, receipt.Deny)},
			{ID: receipt.GateDispatch, Decision: pick(receipt.Allow, receipt.Deny)},
		}
		b.Evals = &receipt.Evals{Checks: []receipt.Eval{{ID: "c1", Passed: r.IntN(2) == 0}, {ID: "c2", Passed: r.IntN(5) > 0}}}
	}
}

// marked gives a receipt text of its own that is searched for.
func marked(i int) func(*receipt.Credential) {
	return func(c *receipt.Credential) {
		e := c.CredentialSubject.Build.Evals
		e.Checks = append(e.Checks, receipt.Eval{ID: markOf(i), Passed: false})
	}
}

func markOf(i int) string { return fmt.Sprintf("check-only-in-%d-", i) }

// clock is one that goes back now and then.
type clock struct {
	mu  sync.Mutex
	now time.Time
	r   *rand.Rand
}

func (c *clock) tell() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Duration(c.r.IntN(60)-15) * time.Second)
	return c.now
}

// searched is a world with receipts of all sorts.
type searched struct {
	*logtest.World
	all map[uint64]*log.Stored
}

func newSearched(t *testing.T, n int) *searched {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	c := &clock{now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), r: rand.New(rand.NewPCG(2, 2))}
	w := &searched{World: logtest.New(t, func(o *log.Options) { o.Clock = c.tell }), all: make(map[uint64]*log.Stored)}
	var last *log.Pending
	for i := range n {
		last = logtest.Must(w.Log.Begin(t.Context(), w.Issuer.Receipt(fmt.Sprint("run-", i), varied(r), marked(i))))
	}
	if _, err := last.Bundle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.reload()
	return w
}

// reload reads every receipt by its place.
func (w *searched) reload() {
	clear(w.all)
	for at := range w.Size() {
		if b := w.Log.Body(w.T.Context(), at); b.Receipt && b.Err == nil {
			w.all[at] = b.Stored
		}
	}
}

// want is the answer by looking at every receipt.
func (w *searched) want(q *query.Query, orgs ...string) (leaves []uint64) {
	for at, s := range w.all {
		if q.Matches(s.Receipt, s.LoggedAt()) && (s.Receipt.Publishable() || slices.Contains(orgs, s.Receipt.Org())) {
			leaves = append(leaves, at)
		}
	}
	slices.Sort(leaves)
	slices.Reverse(leaves)
	return leaves
}

// got pages through the answer of the log.
func (w *searched) got(q *query.Query, limit int, orgs ...string) (leaves []uint64) {
	w.T.Helper()
	audiences := []search.Audience{search.Everybody}
	for _, org := range orgs {
		audiences = append(audiences, search.Private(org))
	}
	deadline := time.Now().Add(time.Minute)
	for below := uint64(0); ; {
		answer, err := w.Log.Search(w.T.Context(), q, audiences, below, limit, func(s *log.Stored) error {
			leaves = append(leaves, s.Index)
			return nil
		})
		if errors.Is(err, search.ErrBehind) && time.Now().Before(deadline) {
			continue // it is built in the background, and says so
		}
		if err != nil {
			w.T.Fatal(err)
		}
		if below = answer.Next; below == 0 {
			return leaves
		}
	}
}

var queries = []string{
	"", "issuer=did:web:issuer.example", "issuer=did:web:other.example", "provider=one", "model=m1", "modelVersion=v1",
	"provider=one&model=m2", "provider=two&model=m2&modelVersion=v2", "verdict=block", "gate=llm.dispatch", "gateDecision=deny",
	"gate=llm.dispatch&gateDecision=deny", "gate=receipt.publish&gateDecision=deny", "gate=no.such", "evalFailed=c1", "evalFailed=*", "evalFailed=c2&verdict=approve",
	"repository=https://git.example/shop", "commit=" + fmt.Sprintf("%040x", 7), "evalFailed=" + markOf(33), "project=shop&model=m3", "project=none",
	"org=acme", "org=umbrella&verdict=revise", "org=nobody", "from=2026-05-01T00:30:00Z", "to=2026-05-01T00:30:00Z",
	"from=2026-05-01T00:20:00Z&to=2026-05-01T00:22:00Z&project=till", "from=2027-01-01", "to=2026-01-01",
}

func (w *searched) check() {
	w.T.Helper()
	for _, text := range queries {
		q, rest, err := query.Parse(logtest.Must(url.ParseQuery(text)))
		if err != nil || len(rest) > 0 {
			w.T.Fatal(text, rest, err)
		}
		for _, orgs := range [][]string{nil, {"acme"}, {"acme", "umbrella"}} {
			want := w.want(&q, orgs...)
			for _, limit := range []int{7, 1000} {
				if got := w.got(&q, limit, orgs...); !slices.Equal(got, want) {
					w.T.Fatalf("%q as %v, pages of %d: got %v, want %v", text, orgs, limit, got, want)
				}
			}
		}
	}
}

// Every answer is that of a look at every receipt, in one page or in many, for
// whoever may see more or less; and the same after a restart, after the index
// was dropped, and after an erasure (I9).
func TestI9SearchAnswers(t *testing.T) {
	n := 120
	if testing.Short() {
		n = 40
	}
	w := newSearched(t, n)
	w.check()
	if all := w.got(new(query.Query), 1000, "acme", "umbrella"); len(all) != n {
		t.Fatalf("%d receipts of %d", len(all), n)
	}
	w.Close()
	w.Open()
	w.check()
	w.Close()
	w.Change(func(db *kv.DB) {
		if err := logtest.Must(postings.Open(db)).Drop(); err != nil {
			t.Fatal(err)
		}
	})
	w.Open()
	w.check()
}

// What was erased is not found any more, no list names it, and the rest is found
// as before.
func TestI7ErasedIsNotFound(t *testing.T) {
	w := newSearched(t, 60)
	org := func(s *log.Stored) bool { return s.Receipt.Org() == "acme" }
	var gone []uint64
	for at, s := range w.all {
		if org(s) && len(gone) < 12 {
			gone = append(gone, at)
		}
	}
	handle := logtest.Must(w.Log.Handle("acme"))
	if _, _, err := w.Log.Keeper().Erase(t.Context(), handle, gone, "GDPR Article 17", "a person"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if w.reload(); len(w.all) == 60-len(gone) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the erasure is not carried out")
		}
	}
	w.check()
	w.Close()
	// Bodies are sealed, so whatever text is in a file is there by way of a list.
	for _, file := range logtest.Must(os.ReadDir(w.Options.Dir)) {
		data := logtest.Must(os.ReadFile(filepath.Join(w.Options.Dir, file.Name())))
		for i := range 60 {
			if bytes.Contains(data, []byte(markOf(i))) {
				t.Errorf("what is searched for in receipt %d stands in %s", i, file.Name())
			}
		}
	}
	w.Change(func(db *kv.DB) {
		err := logtest.Must(postings.Open(db)).Each(func(_ postings.Term, leaf uint64) error {
			if slices.Contains(gone, leaf) {
				return fmt.Errorf("a list names entry %d", leaf)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	w.Open()
}

// A row of the search index that is lost, changed or too many is found out by fsck,
// and what a search finds does not hang on what is said beside the lists.
func TestFsckComparesLists(t *testing.T) {
	w := newSearched(t, 20)
	w.check() // so that the lists reach as far as the log
	w.Close()
	write := func(key, value []byte) {
		w.Change(func(db *kv.DB) {
			b := db.NewBatch()
			if b.Delete(key); value != nil {
				b.Set(key, value)
			}
			if err := b.Commit(true); err != nil {
				t.Fatal(err)
			}
		})
	}
	for name, bounds := range map[string]func() (lower, upper []byte){"lists": kv.AllPostingBounds, "logged": kv.LoggedBounds} {
		var key, value []byte
		w.Change(func(db *kv.DB) {
			lower, upper := bounds()
			if err := db.Last(lower, upper, func(k, v []byte) error { key, value = slices.Clone(k), append([]byte{}, v...); return nil }); err != nil {
				t.Fatal(err)
			}
		})
		other := slices.Clone(key)
		other[len(other)-2] ^= 1
		for what, change := range map[string]struct{ key, value []byte }{
			"lost": {key, nil}, "changed": {key, append(value[:len(value):len(value)], 1)}, "too many": {other, value},
		} {
			write(change.key, change.value)
			if report := w.Fsck(); report.OK {
				t.Errorf("%s: fsck does not find a row that is %s", name, what)
			}
			write(other, nil)
			write(key, value)
		}
		if report := w.Fsck(); !report.OK {
			t.Fatalf("%s: %+v", name, report)
		}
	}
	// Lists of an older format, as they were before an upgrade, are no damage.
	var reach []byte
	w.Change(func(db *kv.DB) { reach = logtest.Must(db.Get(kv.PostingsKey())) })
	write(kv.PostingsKey(), append([]byte{reach[0] - 1}, reach[1:]...))
	if report := w.Fsck(); !report.OK {
		t.Errorf("of an older format: %+v", report)
	}
	write(kv.PostingsKey(), nil)
	if report := w.Fsck(); report.OK {
		t.Error("fsck does not find that nothing says how far the lists reach")
	}
	write(kv.PostingsKey(), reach)
	w.Change(func(db *kv.DB) {
		b := db.NewBatch()
		b.DeleteRange(kv.LoggedBounds())
		if err := b.Commit(true); err != nil {
			t.Fatal(err)
		}
	})
	w.Open()
	w.check()
	w.Close()
	w.Change(func(db *kv.DB) {
		if err := logtest.Must(postings.Open(db)).Drop(); err != nil {
			t.Fatal(err)
		}
	})
}
