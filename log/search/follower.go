package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

const (
	// chunkLeaves is how many leaves one batch of rows is for, at most: some 20
	// MB of terms and lists at work.
	chunkLeaves = 4096
	// gatherLeaves and gatherTime say how long rows are waited for, so that terms
	// that many receipts have get few rows: until so many receipts are published,
	// or for so long. Who searches does not wait.
	gatherLeaves = 512
	gatherTime   = 100 * time.Millisecond
	// maxOffered bounds the receipts that are kept in memory on their way, in
	// number and in bytes; those over it are read back.
	maxOffered      = 8192
	maxOfferedBytes = 32 << 20
	// retryEvery is the time between attempts to read an entry that failed.
	retryEvery = 5 * time.Second
)

// ErrBehind says that the posting lists do not reach as far as the published
// log, and will not within the time that the caller has.
var ErrBehind = errors.New("the search index is being built")

// Log is what a follower needs of the log that it follows.
type Log interface {
	// PublishedSize is the size of the published tree.
	PublishedSize() uint64
	// Receipt returns the receipt at an index of the published tree, and what its
	// entry says. It is nil where the entry is of another kind, or its body was
	// erased or does not open.
	Receipt(ctx context.Context, at uint64) (*receipt.Receipt, Logged, error)
}

// Logged is what the entry of a receipt says.
type Logged struct {
	At         time.Time
	Commitment [32]byte
}

// Follower keeps the posting lists of one log. Its methods may be called
// concurrently.
type Follower struct {
	db     *kv.DB
	lists  *postings.Postings
	log    Log
	logger *slog.Logger
	kick   chan struct{} // there is more to read
	hurry  chan struct{} // somebody waits for it

	mu      sync.Mutex
	offered map[uint64]offer
	bytes   int
	grown   chan struct{} // closed when the lists reach further
}

// offer is a receipt on its way.
type offer struct {
	receipt *receipt.Receipt
	logged  Logged
}

// Open takes up the lists as they are.
func Open(db *kv.DB, l Log, logger *slog.Logger) (*Follower, error) {
	lists, err := postings.Open(db)
	if err != nil {
		return nil, err
	}
	return &Follower{
		db: db, lists: lists, log: l, logger: logger,
		kick: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		offered: make(map[uint64]offer), grown: make(chan struct{}),
	}, nil
}

// Offer hands over a receipt that is being logged at an index, so that it need
// not be read back. It does not block, and may be forgotten.
func (f *Follower) Offer(index uint64, r *receipt.Receipt, l Logged) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(r.Canonical()); len(f.offered) < maxOffered && f.bytes+n <= maxOfferedBytes {
		f.offered[index] = offer{r, l}
		f.bytes += n
	}
}

// take returns the receipt that was offered for an index, if one was.
func (f *Follower) take(index uint64) (o offer, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o, ok = f.offered[index]; ok {
		delete(f.offered, index)
		f.bytes -= len(o.receipt.Canonical())
	}
	return o, ok
}

// Published says that the published log has grown.
func (f *Follower) Published() { poke(f.kick) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run follows the published log until ctx ends. It returns an error only if the
// database fails; an entry that cannot be read is tried again later.
func (f *Follower) Run(ctx context.Context) error {
	chunk := f.lists.NewChunk()
	building := f.behind() > chunkLeaves
	if building {
		f.logger.Info("building the search index", "entries", f.behind())
	}
	for f.await(ctx) {
		if err := f.step(ctx, chunk); err != nil {
			chunk.Reset()
			if failure := f.db.Err(); failure != nil {
				return failure
			}
			if ctx.Err() == nil {
				f.logger.Warn("the search index does not grow for the moment, will try again", "error", err)
				sleep(ctx, retryEvery)
			}
		}
		if building && f.behind() == 0 {
			building = false
			f.logger.Info("the search index is complete", "entries", f.lists.Next())
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// behind is how many published entries the lists do not reach yet.
func (f *Follower) behind() uint64 {
	next, size := f.lists.Next(), f.log.PublishedSize()
	return size - min(next, size)
}

// await waits until there is enough to read. It returns false when ctx ends.
func (f *Follower) await(ctx context.Context) bool {
	for f.behind() == 0 {
		select {
		case <-f.kick:
		case <-ctx.Done():
			return false
		}
	}
	var gathered <-chan time.Time
	for f.behind() < gatherLeaves {
		if gathered == nil {
			timer := time.NewTimer(gatherTime)
			defer timer.Stop()
			gathered = timer.C
		}
		select {
		case <-f.kick:
			continue
		case <-f.hurry:
		case <-gathered:
		case <-ctx.Done():
		}
		break
	}
	return ctx.Err() == nil
}

// step writes the rows of the next leaves.
func (f *Follower) step(ctx context.Context, chunk *postings.Chunk) error {
	next := f.lists.Next()
	end := min(next+chunkLeaves, f.log.PublishedSize())
	for at := next; at < end; at++ {
		o, ok := f.take(at)
		if !ok {
			var err error
			if o.receipt, o.logged, err = f.log.Receipt(ctx, at); err != nil {
				return err
			}
		}
		if o.receipt == nil {
			continue
		}
		chunk.Begin(at, postings.Logged{At: o.logged.At.Unix(), Commitment: o.logged.Commitment})
		EachTerm(o.receipt, chunk.Add)
	}
	if err := chunk.Commit(end); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.grown)
	f.grown = make(chan struct{})
	return nil
}

// Await returns how far the lists reach, once that is as far as the log was
// published when it was called; or ErrBehind when ctx ends before.
func (f *Follower) Await(ctx context.Context) (reaches uint64, err error) {
	size := f.log.PublishedSize()
	for {
		f.mu.Lock()
		grown := f.grown
		f.mu.Unlock()
		if next := f.lists.Next(); next >= size {
			return next, nil
		}
		poke(f.hurry)
		select {
		case <-grown:
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: it has %d of %d entries", ErrBehind, f.lists.Next(), size)
		}
	}
}

// Logged returns what the entry of a listed receipt says, without reading it. ok
// is false where the receipt is in no list any more.
func (f *Follower) Logged(index uint64) (l Logged, ok bool, err error) {
	row, ok, err := f.lists.Logged(index)
	return Logged{time.Unix(row.At, 0).UTC(), row.Commitment}, ok, err
}

// Forget takes receipts, by their indices, out of the lists, in the batch b in
// which their bodies are destroyed and which commit commits.
func (f *Follower) Forget(b *kv.Batch, gone map[uint64]*receipt.Receipt, commit func() error) error {
	var removed []postings.Removed
	for at, r := range gone {
		f.take(at)
		one := postings.Removed{Leaf: at}
		EachTerm(r, func(text []byte) { one.Terms = append(one.Terms, append([]byte(nil), text...)) })
		removed = append(removed, one)
	}
	return f.lists.Remove(b, removed, commit)
}
