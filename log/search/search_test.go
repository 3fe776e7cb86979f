package search_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/client/receipt"
	query "github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

// played is a log in memory. A leaf that is nil is of another kind.
type played struct {
	mu     sync.Mutex
	leaves []*receipt.Receipt
	reads  int
	fail   int // as many reads fail first
}

func (p *played) PublishedSize() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(len(p.leaves))
}

func (p *played) Receipt(_ context.Context, at uint64) (*receipt.Receipt, search.Logged, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	if p.fail > 0 {
		p.fail--
		return nil, search.Logged{}, errors.New("the disk does not answer")
	}
	return p.leaves[at], logged(at), nil
}

func logged(at uint64) search.Logged {
	return search.Logged{At: loggedAt(at), Commitment: [32]byte{byte(at), 1}}
}

func loggedAt(at uint64) time.Time { return time.Unix(1_800_000_000+int64(at), 0) }

var issuer = logtest.NewIssuer("did:web:issuer.example")

// made is a receipt of an organisation, by a model.
func made(at int, org, model string, private bool) *receipt.Receipt {
	return logtest.Must(receipt.Parse(issuer.Receipt(fmt.Sprint("run-", at), func(c *receipt.Credential) {
		b := &c.CredentialSubject.Build
		b.Org, b.Models = org, []receipt.Model{{Provider: "p", Model: model, Role: receipt.RoleBuilder}}
		if private {
			logtest.Private(c)
		}
	})))
}

// follow runs a follower of l until the test ends.
func follow(t *testing.T, fs vfs.FS, l *played) (*search.Follower, *kv.DB) {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: fs, Create: true, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := search.Open(db, l, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, db.Close()); err != nil {
			t.Error(err)
		}
	})
	return f, db
}

// ask returns all leaves, and how many steps they took.
func ask(t *testing.T, f *search.Follower, q query.Query, audiences ...search.Audience) (leaves []uint64, steps int) {
	t.Helper()
	size, err := f.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	budget := &postings.Budget{Left: 1 << 30}
	set, err := f.Plan(&q, audiences, budget)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for below := size; below > 0; {
		leaf, state, err := set.Seek(below - 1)
		if err != nil || state == postings.Spent {
			t.Fatal(state, err)
		}
		if state == postings.None {
			break
		}
		leaves, below = append(leaves, leaf), leaf
	}
	return leaves, 1<<30 - budget.Left
}

// A search does the same work, step for step, whether others have private receipts
// that would match or not: there is nothing to see, to count or to time.
func TestPrivateReceiptsCostNothing(t *testing.T) {
	with, without := new(played), new(played)
	for at := range 300 {
		var mine *receipt.Receipt
		if at%10 == 0 {
			mine = made(at, "acme", "m", at%20 == 0)
		}
		theirs := mine
		if mine == nil {
			theirs = made(at, "umbrella", "m", true)
		}
		with.leaves, without.leaves = append(with.leaves, theirs), append(without.leaves, mine)
	}
	a, _ := follow(t, vfs.NewMem(), with)
	b, _ := follow(t, vfs.NewMem(), without)
	for _, q := range []query.Query{
		{}, {Model: "m"}, {Provider: "p", Model: "m"}, {Org: "umbrella"}, {Org: "umbrella", Model: "m"}, {Gate: receipt.GatePublish},
		{Model: "m", From: loggedAt(7), To: loggedAt(250)},
	} {
		for _, audiences := range [][]search.Audience{{search.Everybody}, {search.Everybody, search.Private("acme")}} {
			got, steps := ask(t, a, q, audiences...)
			want, least := ask(t, b, q, audiences...)
			if !slices.Equal(got, want) || steps != least {
				t.Errorf("%+v: %d leaves in %d steps beside private receipts, %d in %d without", q, len(got), steps, len(want), least)
			}
		}
	}
	if all, _ := ask(t, a, query.Query{Model: "m"}, search.Private("umbrella")); len(all) != 270 {
		t.Errorf("the organisation itself finds %d", len(all))
	}
}

// What is offered on the way need not be read back, and is found like the rest.
func TestOfferedReceiptsAreNotRead(t *testing.T) {
	l := new(played)
	f, _ := follow(t, vfs.NewMem(), l)
	for at := range 50 {
		r := made(at, "acme", "m", false)
		if at%2 == 0 {
			f.Offer(uint64(at), r, logged(uint64(at)))
		}
		l.mu.Lock()
		l.leaves = append(l.leaves, r)
		l.mu.Unlock()
		f.Published()
	}
	if leaves, _ := ask(t, f, query.Query{Model: "m"}, search.Everybody); len(leaves) != 50 {
		t.Errorf("%d of 50 are found", len(leaves))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reads != 25 {
		t.Errorf("%d were read back", l.reads)
	}
}

// Who searches while the lists are behind is told so, and no part of an answer
// is taken for the whole.
func TestBehindIsSaid(t *testing.T) {
	l := &played{fail: 1 << 30}
	l.leaves = append(l.leaves, made(0, "acme", "m", false))
	f, _ := follow(t, vfs.NewMem(), l)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := f.Await(ctx); !errors.Is(err, search.ErrBehind) {
		t.Fatal(err)
	}
}

// A receipt is out of the lists with the batch that destroys it, whether it was
// in them already or was on its way.
func TestForgottenReceiptsAreOut(t *testing.T) {
	l := new(played)
	for at := range 3 {
		l.leaves = append(l.leaves, made(at, "acme", "m", false))
	}
	first, late := l.leaves[1], made(3, "acme", "m", false)
	f, db := follow(t, vfs.NewMem(), l)
	ask(t, f, query.Query{}, search.Everybody)
	f.Offer(3, late, logged(3))
	b := db.NewBatch()
	gone := map[uint64]*receipt.Receipt{1: first, 3: late}
	if err := f.Forget(b, gone, func() error { return b.Commit(true) }); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.leaves = append(l.leaves, nil)
	l.mu.Unlock()
	f.Published()
	for _, q := range []query.Query{{}, {Model: "m"}, {Org: "acme"}} {
		if leaves, _ := ask(t, f, q, search.Everybody); !slices.Equal(leaves, []uint64{2, 0}) {
			t.Errorf("%+v: %v", q, leaves)
		}
	}
	for at := range uint64(4) {
		got, ok, err := f.Logged(at)
		if want := logged(at); err != nil || ok != (at%2 == 0) || ok && (got.Commitment != want.Commitment || !got.At.Equal(want.At)) {
			t.Errorf("leaf %d: %+v, %v, %v", at, got, ok, err)
		}
	}
}
