package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
)

// model is a log as simple as can be: what the ledger must agree with.
type model struct {
	acked  Acked
	seen   [][]byte
	hashes [][]byte // leaf hashes
}

// player plays random operations on a ledger and on the model.
type player struct {
	t      *testing.T
	rng    *rand.Rand
	disk   *FaultFS
	ledger *Ledger
	model  model
	next   int // number of the next new receipt
}

// Random operations, with random options that change at each restart, leave the
// ledger and the model with the same answers.
func TestMetamorphic(t *testing.T) {
	games, moves := 12*soak(), 80
	if testing.Short() {
		games, moves = 3, 20
	}
	for game := range games {
		seed := uint64(game)
		if soak() > 1 {
			seed = rand.Uint64()
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := &player{t: t, rng: rand.New(rand.NewPCG(seed, 1)), disk: NewFaultFS(Fault{}), model: model{acked: Acked{}}}
			p.open(true)
			defer func() { p.must(p.ledger.Close()) }()
			for range moves {
				p.move()
			}
			p.verify()
		})
	}
}

func (p *player) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// open starts the ledger with options of its own.
func (p *player) open(create bool) {
	p.t.Helper()
	cfg := config(p.disk, create)
	cfg.KV.MemTableBytes = 32 << 10 << p.rng.IntN(6)
	cfg.KV.CacheBytes = 1 << (12 + p.rng.IntN(12))
	cfg.Driver = driver.Options{
		MaxBatchLeaves: 1 + p.rng.IntN(1<<p.rng.IntN(10)),
		MaxBatchBytes:  1 << (8 + p.rng.IntN(14)),
		TileCacheBytes: 1 + p.rng.IntN(1<<20),
	}
	cfg.Interval = time.Duration(1+p.rng.IntN(5)) * time.Millisecond
	l, err := OpenLedger(cfg)
	p.must(err)
	p.ledger = l
}

func (p *player) move() {
	p.t.Helper()
	moves := []struct {
		weight int
		play   func()
	}{
		{10, p.submit}, {10, p.readTile}, {10, p.readBundle}, {5, p.lookUp}, {2, p.rebuild},
		{2, func() { p.must(p.ledger.DB.Flush()) }},
		{1, func() { p.must(p.ledger.DB.Compact(p.t.Context(), []byte{0}, []byte{0xff})) }},
		{2, p.restart}, {2, p.crash}, {1, p.verify},
	}
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	n := p.rng.IntN(total)
	for _, m := range moves {
		if n -= m.weight; n < 0 {
			m.play()
			return
		}
	}
}

// submit submits up to some hundred receipts at once: new ones, ones that are
// logged, and the same one several times.
func (p *player) submit() {
	p.t.Helper()
	receipts := make([]string, 1+p.rng.IntN(1<<p.rng.IntN(9)))
	for i := range receipts {
		n := p.next
		if p.next > 0 && p.rng.IntN(4) == 0 {
			n = p.rng.IntN(p.next)
		} else {
			p.next++
		}
		receipts[i] = fmt.Sprintf("receipt %d, padded %0*d", n, n*7919%2000, 0)
	}
	type answer struct {
		leaf uint64
		err  error
	}
	answers := make([]answer, len(receipts))
	var wg sync.WaitGroup
	for i, receipt := range receipts {
		s, err := p.ledger.Submit(p.t.Context(), receipt)
		p.must(err)
		wg.Go(func() { answers[i].leaf, _, answers[i].err = s.Wait() })
	}
	wg.Wait()
	for i, a := range answers {
		p.must(a.err)
		if leaf, ok := p.model.acked[receipts[i]]; ok && leaf != a.leaf {
			p.t.Fatalf("I2: receipt at leaf %d was then told to be at leaf %d", leaf, a.leaf)
		}
		p.model.acked[receipts[i]] = a.leaf
	}
	p.learn()
}

// learn takes the new entries into the model, and checks that it has as many
// leaves as receipts.
func (p *player) learn() {
	p.t.Helper()
	entries, err := p.ledger.entries(p.t.Context())
	p.must(err)
	if len(entries) != len(p.model.acked) {
		p.t.Fatalf("%d receipts are at %d leaves", len(p.model.acked), len(entries))
	}
	for i, e := range entries {
		hash := rfc6962.DefaultHasher.HashLeaf(e)
		if i < len(p.model.hashes) && !bytes.Equal(hash, p.model.hashes[i]) {
			p.t.Fatalf("entry %d has changed", i)
		} else if i >= len(p.model.hashes) {
			p.model.hashes = append(p.model.hashes, hash)
		}
	}
}

func (p *player) readTile() {
	p.t.Helper()
	size := uint64(len(p.model.hashes))
	level := uint64(p.rng.IntN(2))
	at := p.rng.Uint64N(size>>(8+8*level) + 2)
	width := p.rng.IntN(256)
	got, err := p.ledger.Reader.ReadTile(p.t.Context(), level, at, uint8(width))
	if width == 0 {
		width = tile.Width
	}
	if int(tile.PartialWidth(uint8(level), at, size)) < width {
		if !errors.Is(err, os.ErrNotExist) {
			p.t.Fatalf("tile %d/%d.p/%d at size %d: %v", level, at, width, size, err)
		}
		return
	}
	p.must(err)
	if want := p.modelTile(level, at, width); !bytes.Equal(got, want) {
		p.t.Fatalf("tile %d/%d.p/%d at size %d is wrong", level, at, width, size)
	}
}

func (p *player) modelTile(level, at uint64, width int) (want []byte) {
	under := 1 << (8 * level) // leaves under each hash
	for i := range width {
		first := (int(at)*tile.Width + i) * under
		want = append(want, fold(p.model.hashes[first:first+under])...)
	}
	return want
}

func fold(hashes [][]byte) []byte {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return rfc6962.DefaultHasher.HashChildren(fold(hashes[:half]), fold(hashes[half:]))
}

func (p *player) readBundle() {
	p.t.Helper()
	size := uint64(len(p.model.hashes))
	at, width := p.rng.Uint64N(size>>8+2), p.rng.IntN(256)
	raw, err := p.ledger.Reader.ReadEntryBundle(p.t.Context(), at, uint8(width))
	if width == 0 {
		width = tile.Width
	}
	if int(tile.PartialWidth(0, at, size)) < width {
		if !errors.Is(err, os.ErrNotExist) {
			p.t.Fatalf("bundle %d.p/%d at size %d: %v", at, width, size, err)
		}
		return
	}
	p.must(err)
	entries, err := tile.SplitEntries(raw)
	p.must(err)
	if len(entries) != width {
		p.t.Fatalf("bundle %d.p/%d has %d entries", at, width, len(entries))
	}
	for i, e := range entries {
		if !bytes.Equal(rfc6962.DefaultHasher.HashLeaf(e), p.model.hashes[int(at)*tile.Width+i]) {
			p.t.Fatalf("bundle %d.p/%d has a wrong entry %d", at, width, i)
		}
	}
}

// lookUp asks for a receipt that is logged and for one that is not.
func (p *player) lookUp() {
	p.t.Helper()
	for receipt, leaf := range p.model.acked {
		if got, err := p.ledger.Index.Identity(sha256.Sum256([]byte(receipt))); err != nil || got != leaf {
			p.t.Fatalf("receipt at leaf %d is looked up at %d, %v", leaf, got, err)
		}
		break
	}
	if _, err := p.ledger.Index.Identity(sha256.Sum256([]byte("none"))); !errors.Is(err, index.ErrNotFound) {
		p.t.Fatal(err)
	}
}

// rebuild drops the indexes and derives them from what is logged (I9).
func (p *player) rebuild() {
	p.t.Helper()
	l := p.ledger
	p.must(l.Index.Rebuild(func(r *index.Rebuilder) error {
		entries, err := l.entries(p.t.Context())
		if err != nil {
			return err
		}
		for leaf, e := range entries {
			plain, _, err := body.Open(l.DB, uint64(leaf), [32]byte(e))
			if err != nil {
				return err
			}
			r.Identity(sha256.Sum256(plain), uint64(leaf))
			r.Run(Run(string(plain)), uint64(leaf), index.Owner{})
		}
		return nil
	}))
}

func (p *player) restart() {
	p.t.Helper()
	p.model.seen = append(p.model.seen, p.ledger.Seen())
	p.must(p.ledger.Close())
	p.open(false)
	p.learn()
}

// crash takes the disk as a crash would leave it, while the old process goes on
// for a moment without knowing.
func (p *player) crash() {
	p.t.Helper()
	if seen := p.ledger.Seen(); seen != nil {
		p.model.seen = append(p.model.seen, seen)
	}
	disk := p.disk.Crash([]int{0, 30, 100}[p.rng.IntN(3)], p.rng.Uint64())
	p.must(p.ledger.Close())
	p.disk = disk
	p.open(false)
	p.learn()
}

func (p *player) verify() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	var seen [][]byte
	for _, signed := range p.model.seen {
		if signed != nil { // nil: this process had published nothing new
			seen = append(seen, signed)
		}
	}
	p.must(p.ledger.Verify(ctx, p.model.acked, seen...))
}
