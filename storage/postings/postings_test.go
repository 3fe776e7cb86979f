package postings_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

func open(t testing.TB, fs vfs.FS, create bool) (*kv.DB, *postings.Postings) {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: fs, Create: create, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := postings.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	return db, p
}

// world is what the lists should say: terms of each leaf, and its time.
type world struct {
	terms [][]string
	at    []int64
	gone  []bool
}

func newWorld(r *rand.Rand, n int) *world {
	w := &world{gone: make([]bool, n)}
	for leaf := range n {
		terms := []string{"all", fmt.Sprint("unique ", leaf), fmt.Sprint("some ", r.IntN(3)), fmt.Sprint("some ", r.IntN(3)), fmt.Sprint("rare ", r.IntN(200))}
		if r.IntN(8) == 0 {
			terms = nil // no receipt
		}
		w.terms = append(w.terms, terms)
		w.at = append(w.at, int64(1000+leaf+r.IntN(50)-25)) // a clock that is set back now and then
	}
	return w
}

// gather writes the rows of the leaves from the lists' end up to end.
func (w *world) gather(t testing.TB, p *postings.Postings, c *postings.Chunk, end uint64) {
	t.Helper()
	for leaf := p.Next(); leaf < end; leaf++ {
		if w.terms[leaf] == nil || w.gone[leaf] {
			continue
		}
		c.Begin(leaf, w.logged(leaf))
		for _, term := range w.terms[leaf] {
			c.Add([]byte(term))
		}
	}
	if err := c.Commit(end); err != nil {
		t.Fatal(err)
	}
}

func (w *world) logged(leaf uint64) postings.Logged {
	return postings.Logged{At: w.at[leaf], Commitment: [32]byte{byte(leaf), byte(leaf >> 8)}}
}

func (w *world) remove(t testing.TB, db *kv.DB, p *postings.Postings, leaves ...uint64) {
	t.Helper()
	var gone []postings.Removed
	for _, leaf := range leaves {
		g := postings.Removed{Leaf: leaf}
		for _, term := range w.terms[leaf] {
			g.Terms = append(g.Terms, []byte(term))
		}
		gone, w.gone[leaf] = append(gone, g), true
	}
	b := db.NewBatch()
	if err := p.Remove(b, gone, func() error { return b.Commit(true) }); err != nil {
		t.Fatal(err)
	}
}

func (w *world) has(leaf int, term string) bool {
	return !w.gone[leaf] && slices.Contains(w.terms[leaf], term)
}

// question is an intersection of unions, and a time range if to is not 0.
type question struct {
	all      [][]string
	from, to int64
}

func (w *world) answer(q question, end uint64) (leaves []uint64) {
	for leaf := int(end) - 1; leaf >= 0; leaf-- {
		ok := q.to == 0 || w.at[leaf] >= q.from && w.at[leaf] <= q.to
		for _, any := range q.all {
			ok = ok && slices.ContainsFunc(any, func(term string) bool { return w.has(leaf, term) })
		}
		if ok {
			leaves = append(leaves, uint64(leaf))
		}
	}
	return leaves
}

// ask pages through an answer with a small budget, going on where it was spent.
func ask(t testing.TB, p *postings.Postings, w *world, q question, budget int) (leaves []uint64) {
	t.Helper()
	bound := p.Next()
	for rounds := 0; ; rounds++ {
		if rounds > 100_000 {
			t.Fatal("the answer has no end")
		}
		b := &postings.Budget{Left: budget}
		var sets []postings.Set
		for _, any := range q.all {
			var lists []postings.Set
			for _, term := range any {
				l, err := p.List([]byte(term), b)
				if err != nil {
					t.Fatal(err)
				}
				lists = append(lists, l)
			}
			sets = append(sets, postings.Union(lists...))
		}
		if q.to != 0 {
			sets = append(sets, p.During(q.from, q.to))
		}
		set := postings.Intersection(b, sets...)
		state := postings.Found
		for bound > 0 && state == postings.Found {
			var leaf uint64
			var err error
			leaf, state, err = set.Seek(bound - 1)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case state == postings.Found:
				bound = leaf
				if q.to == 0 || w.at[leaf] >= q.from && w.at[leaf] <= q.to { // as a caller does
					leaves = append(leaves, leaf)
				}
			case state == postings.Spent:
				bound = leaf + 1
			}
		}
		if err := set.Close(); err != nil {
			t.Fatal(err)
		}
		if state == postings.None || bound == 0 {
			return leaves
		}
	}
}

var questions = []question{
	{all: [][]string{{"all"}}},
	{all: [][]string{{"unique 700"}}},
	{all: [][]string{{"unique 700"}, {"all"}}},
	{all: [][]string{{"some 0"}, {"some 1"}}},
	{all: [][]string{{"some 0"}, {"some 1"}, {"some 2"}}}, // each leaf has two at most
	{all: [][]string{{"rare 3", "rare 4", "rare 5"}, {"some 1"}}},
	{all: [][]string{{"no such"}}},
	{all: [][]string{{"no such"}, {"all"}}},
	{all: [][]string{{"rare 1", "no such"}}},
	{all: [][]string{{"all"}}, from: 1500, to: 1520},
	{all: [][]string{{"some 2"}}, from: 1, to: 1100},
	{all: [][]string{{"all"}}, from: 1, to: 2},
	{all: [][]string{{"all"}}, from: 1 << 40, to: 1 << 41},
}

func (w *world) check(t testing.TB, p *postings.Postings) {
	t.Helper()
	listed := make(map[uint64]bool)
	err := p.EachLogged(func(leaf uint64, _ postings.Logged) error { listed[leaf] = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for leaf := range p.Next() {
		want := w.terms[leaf] != nil && !w.gone[leaf]
		got, ok, err := p.Logged(leaf)
		if err != nil || ok != want || listed[leaf] != want || ok && got != w.logged(leaf) {
			t.Fatalf("leaf %d: %+v, %v, %v; is to be there: %v", leaf, got, ok, err, want)
		}
	}
	for _, q := range questions {
		want := w.answer(q, p.Next())
		for _, budget := range []int{1 << 30, 40} {
			if got := ask(t, p, w, q, budget); !slices.Equal(got, want) {
				t.Fatalf("%v, budget %d: got %d leaves, want %d\n%v\n%v", q, budget, len(got), len(want), got, want)
			}
		}
	}
}

// Every answer is that of a walk over all leaves, however they came in chunks,
// and with leaves removed.
func TestAnswers(t *testing.T) {
	const leaves = 1200
	r := rand.New(rand.NewPCG(1, 2))
	w := newWorld(r, leaves)
	fs := vfs.NewMem()
	db, p := open(t, fs, true)
	w.check(t, p)
	c := p.NewChunk()
	for p.Next() < leaves {
		w.gather(t, p, c, min(leaves, p.Next()+1+uint64(r.IntN(1500))))
		for range 5 {
			w.remove(t, db, p, uint64(r.IntN(leaves)), uint64(r.IntN(leaves)), uint64(r.IntN(leaves))) // some are not gathered yet
		}
	}
	w.check(t, p)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, p = open(t, fs, false)
	defer db.Close()
	if p.Next() != leaves {
		t.Fatalf("reaches %d after a restart", p.Next())
	}
	w.check(t, p)
}

// Dropped and gathered again, in other chunks, every answer is the same (I9).
func TestI9DroppedListsComeBack(t *testing.T) {
	const leaves = 1000
	w := newWorld(rand.New(rand.NewPCG(3, 4)), leaves)
	db, p := open(t, vfs.NewMem(), true)
	defer db.Close()
	for p.Next() < leaves {
		w.gather(t, p, p.NewChunk(), p.Next()+100)
	}
	w.remove(t, db, p, 5, 700, 999)
	if err := p.Drop(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, p, w, questions[0], 1<<30); len(got) != 0 || p.Next() != 0 {
		t.Fatalf("after a drop: %d leaves", len(got))
	}
	for p.Next() < leaves {
		w.gather(t, p, p.NewChunk(), p.Next()+1000)
	}
	w.check(t, p)
}

// A leaf that is erased between being gathered and being written is not written.
func TestRemovedWhileGathered(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(5, 6)), 10)
	for leaf := range w.terms {
		w.terms[leaf] = []string{"all"}
	}
	db, p := open(t, vfs.NewMem(), true)
	defer db.Close()
	c := p.NewChunk()
	for leaf := range uint64(10) {
		c.Begin(leaf, w.logged(leaf))
		c.Add([]byte("all"))
	}
	w.remove(t, db, p, 3, 4)
	if err := c.Commit(10); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, p, w, questions[0], 1<<30); !slices.Equal(got, []uint64{9, 8, 7, 6, 5, 2, 1, 0}) {
		t.Fatal(got)
	}
}

// Nothing of a term stands in its rows, and no row names a leaf that was removed.
func TestI7RowsDoNotTell(t *testing.T) {
	db, p := open(t, vfs.NewMem(), true)
	defer db.Close()
	w := newWorld(rand.New(rand.NewPCG(7, 8)), 600)
	w.gather(t, p, p.NewChunk(), 600)
	for leaf := range uint64(600) {
		w.remove(t, db, p, leaf)
	}
	err := p.Each(func(_ postings.Term, leaf uint64) error { return fmt.Errorf("leaf %d has a row", leaf) })
	if err == nil {
		err = p.EachLogged(func(leaf uint64, _ postings.Logged) error { return fmt.Errorf("leaf %d is said to be logged", leaf) })
	}
	if err != nil {
		t.Fatal(err)
	}
	w.gone = make([]bool, 600)
	if err := p.Drop(); err != nil {
		t.Fatal(err)
	}
	w.gather(t, p, p.NewChunk(), 600)
	err = db.Scan(nil, nil, func(key, value []byte) error {
		for _, text := range []string{"some", "rare", "unique", "all"} {
			if bytes.Contains(key, []byte(text)) || bytes.Contains(value, []byte(text)) {
				return errors.New("a row has the text of a term")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// After a crash the lists are those of some chunk, whole, and are gone on with.
func TestCrashLosesWholeChunks(t *testing.T) {
	const leaves = 1000
	w := newWorld(rand.New(rand.NewPCG(9, 10)), leaves)
	fs := vfs.NewCrashableMem()
	db, p := open(t, fs, true)
	for p.Next() < leaves/2 {
		w.gather(t, p, p.NewChunk(), p.Next()+50)
	}
	b := db.NewBatch() // any later batch that is synced makes what was before it durable
	b.Set([]byte("m something"), nil)
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	for p.Next() < leaves {
		w.gather(t, p, p.NewChunk(), p.Next()+50)
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, p = open(t, after, false)
	defer db.Close()
	if n := p.Next(); n < leaves/2 || n%50 != 0 {
		t.Fatalf("reaches %d after a crash", n)
	}
	w.check(t, p)
	for p.Next() < leaves {
		w.gather(t, p, p.NewChunk(), p.Next()+50)
	}
	w.check(t, p)
}
