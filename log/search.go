package log

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	query "github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

const (
	// searchSteps bounds how many times a page of an answer looks into a posting
	// list: at 5 µs for one that is on disk, a tenth of a second at worst.
	searchSteps = 20_000
	// searchMisses bounds how many receipts a page opens in vain, which the lists
	// name and the query does not mean: as long again.
	searchMisses = 500
	// searchAhead is how many of the receipts that the lists name are opened at a
	// time, of 1 MiB each at most, and searchReads how many of them at once.
	searchAhead, searchReads = 32, 4
	// searchPatience is how long a search waits for the index to reach what was
	// published. Usually that is a matter of milliseconds.
	searchPatience = 2 * time.Second
)

// ErrSearchBehind says that the search index is still being built.
var ErrSearchBehind = search.ErrBehind

// Answer says how far a page of found receipts reaches.
type Answer struct {
	Size uint64 // of the tree that was searched: entries from there on were not
	// Next is where the next page goes on: below this index. 0 means that there
	// is nothing more. A page may be short, or empty, and have a next one.
	Next uint64
}

// Search calls found with the receipts that match the query and that one of the
// audiences may find, newest first, from below an index on (0: the newest), at
// most limit of them, until found returns an error, which Search then returns.
// Only receipts under a published checkpoint are found. The work of one call is
// bounded, whatever is asked.
//
// Errors: ErrSearchBehind, and that of ctx.
func (l *Log) Search(ctx context.Context, q *query.Query, audiences []search.Audience, below uint64, limit int, found func(*Stored) error) (Answer, error) {
	waiting, cancel := context.WithTimeout(ctx, searchPatience)
	defer cancel()
	size, err := l.search.Await(waiting)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Size: size}
	if below == 0 || below > size {
		below = size
	}
	set, err := l.search.Plan(q, audiences, &postings.Budget{Left: searchSteps})
	if err != nil {
		return answer, err
	}
	answer.Next, err = l.page(ctx, q, set, below, limit, found)
	return answer, errors.Join(err, set.Close())
}

// page is the loop of Search. It returns where the next page goes on.
func (l *Log) page(ctx context.Context, q *query.Query, set postings.Set, below uint64, limit int, found func(*Stored) error) (next uint64, err error) {
	for misses := searchMisses; limit > 0 && misses > 0 && below > 0; {
		leaves, after, err := candidates(set, below, min(limit, searchAhead))
		if err != nil {
			return 0, fmt.Errorf("search: %w", err)
		}
		opened, err := l.openEach(ctx, leaves)
		if err != nil {
			return 0, err
		}
		for i, stored := range opened {
			below = leaves[i]
			if stored == nil || !q.Matches(stored.Receipt, stored.at) {
				if misses--; misses == 0 {
					return below, nil
				}
				continue
			}
			limit--
			if err := found(stored); err != nil {
				return 0, err
			}
		}
		if below = after; len(leaves) == 0 {
			break
		}
	}
	return below, nil
}

// candidates returns the next leaves of a set, at most that many, and below which
// leaf it goes on.
func candidates(set postings.Set, below uint64, most int) (leaves []uint64, after uint64, err error) {
	for below > 0 && len(leaves) < most {
		leaf, state, err := set.Seek(below - 1)
		switch {
		case err != nil || state == postings.None:
			return leaves, 0, err
		case state == postings.Spent:
			return leaves, leaf + 1, nil
		}
		leaves, below = append(leaves, leaf), leaf
	}
	return leaves, below, nil
}

// openEach opens the receipts of listed leaves, several at once, since each may
// have to be read from the disk. What it returns is in the order of the leaves.
func (l *Log) openEach(ctx context.Context, leaves []uint64) ([]*Stored, error) {
	opened := make([]*Stored, len(leaves))
	g, ctx := errgroup.WithContext(ctx)
	var taken atomic.Int64
	for range min(searchReads, len(leaves)) {
		g.Go(func() (err error) {
			for i := taken.Add(1) - 1; i < int64(len(leaves)); i = taken.Add(1) - 1 {
				if err = ctx.Err(); err != nil {
					return err
				}
				if opened[i], err = l.openListed(ctx, leaves[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return opened, g.Wait()
}

// openListed returns the receipt of a listed leaf, without its entry. It is nil
// where its body was erased since, or does not open.
func (l *Log) openListed(ctx context.Context, at uint64) (*Stored, error) {
	logged, ok, err := l.search.Logged(at)
	if err != nil {
		return nil, err
	}
	if !ok { // erased since it was found, or the row was lost: that hides nothing
		return orAbsent(l.load(ctx, at))
	}
	return orAbsent(l.unseal(at, nil, &entry.Receipt{Commitment: logged.Commitment, At: logged.At}))
}

// orAbsent takes a receipt that cannot be had for one that is not there.
func orAbsent(stored *Stored, err error) (*Stored, error) {
	if code := verdict.CodeOf(err); code == verdict.NotLogged || code == verdict.Erased || Missing(err) {
		return nil, nil
	}
	return stored, err
}

// Organisations returns the names of the organisations that have a handle, at
// most max.
func (l *Log) Organisations(max int) ([]string, error) { return l.index.Orgs(max) }

// entryReader reads receipts one after another, of which many share a bundle of
// entries. It is for one goroutine.
type entryReader struct {
	log     *Log
	bundle  uint64
	entries [][]byte
}

// open returns the receipt of a published entry. It is nil where the entry is of
// another kind, or its body was erased or does not open.
func (r *entryReader) open(ctx context.Context, at uint64) (*Stored, error) {
	n, within := at/tile.Width, at%tile.Width
	if r.bundle != n || uint64(len(r.entries)) <= within {
		entries, err := keeperLog{r.log}.Entries(ctx, n)
		if err != nil {
			return nil, err
		}
		r.bundle, r.entries = n, entries
	}
	if uint64(len(r.entries)) <= within {
		return nil, fmt.Errorf("entry %d is not there", at)
	}
	return orAbsent(r.log.open(at, r.entries[within]))
}

// searchedLog is the log as its search index needs it. Only the follower's one
// goroutine reads receipts through it.
type searchedLog struct {
	keeperLog
	entries *entryReader
}

// Receipt implements search.Log.
func (s searchedLog) Receipt(ctx context.Context, at uint64) (*receipt.Receipt, search.Logged, error) {
	stored, err := s.entries.open(ctx, at)
	if err != nil || stored == nil {
		return nil, search.Logged{}, err
	}
	return stored.Receipt, search.Logged{At: stored.at, Commitment: stored.commitment}, nil
}

// openSearch takes up the search index.
func (l *Log) openSearch() (err error) {
	l.search, err = search.Open(l.db, searchedLog{keeperLog{l}, &entryReader{log: l}}, l.logger)
	return err
}

// keepSearch lets the search index follow the log until ctx ends.
func (l *Log) keepSearch(ctx context.Context) {
	if l.opts.NoSearch {
		return
	}
	l.keeping.Go(func() {
		if err := l.search.Run(ctx); err != nil {
			l.fail(fmt.Errorf("keep the search index: %w", err))
		}
	})
}

// Unlist implements retention.Log.
func (k keeperLog) Unlist(b *kv.Batch, gone map[uint64]*receipt.Receipt, commit func() error) error {
	return k.l.search.Forget(b, gone, commit)
}

// Tag returns 8 bytes of an HMAC under the database's secret: who hands
// something out and gets it back can tell that it is what was handed out. purpose
// keeps tags of different things apart.
func (l *Log) Tag(purpose string, text []byte) [8]byte {
	key := l.db.Secret()
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(purpose + "\n"))
	mac.Write(text)
	return [8]byte(mac.Sum(nil))
}

// searching is the search index, or nil where none is kept.
func (l *Log) searching() *search.Follower {
	if l.opts.NoSearch {
		return nil
	}
	return l.search
}
