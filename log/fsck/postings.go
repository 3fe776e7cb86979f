package fsck

import (
	"errors"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/storage/postings"
)

// listed compares the search index with entries and receipts, as sets: how many
// rows there are, one for each pair of term and leaf and one for what the entry of a
// leaf says, and the sum of their hashes. A row that is missing, or too many,
// changes both, save by an accident of 64 bits.
type listed struct {
	lists *postings.Postings
	next  uint64 // the lists reach up to here; what is above is not missed
	seed  maphash.Seed

	mu   sync.Mutex
	rows uint64
	sum  uint64
}

// pair is a leaf that has a term.
type pair struct {
	term postings.Term
	leaf uint64
}

// openListed takes up the lists. Where they cannot be read that is damage, and
// nothing is compared.
func (c *checker) openListed() {
	lists, older, err := postings.OpenReadOnly(c.db)
	if err != nil {
		c.report.damage("index", "search", err)
		return
	}
	if older {
		return // the next start makes them anew
	}
	c.listed = &listed{lists: lists, next: lists.Next(), seed: maphash.MakeSeed()}
}

// said is what the entry of a leaf says.
type said struct {
	leaf   uint64
	logged postings.Logged
}

// add counts what the index must have of a receipt. Safe for concurrent use.
func (l *listed) add(at uint64, e *entry.Receipt, r *receipt.Receipt) {
	if l == nil || at >= l.next {
		return
	}
	var terms []postings.Term
	search.EachTerm(r, func(text []byte) {
		if t := l.lists.Term(text); !slices.Contains(terms, t) {
			terms = append(terms, t)
		}
	})
	sum := maphash.Comparable(l.seed, said{at, postings.Logged{At: e.At.Unix(), Commitment: e.Commitment}})
	for _, t := range terms {
		sum += maphash.Comparable(l.seed, pair{t, at})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows += uint64(len(terms)) + 1
	l.sum += sum
}

// checkListed compares. Where a body is damaged nobody knows its terms, so that
// there is nothing to compare with.
func (c *checker) checkListed() {
	l := c.listed
	if l == nil {
		return
	}
	var rows, sum uint64
	err := l.lists.Each(func(t postings.Term, leaf uint64) error {
		rows++
		sum += maphash.Comparable(l.seed, pair{t, leaf})
		return nil
	})
	if err == nil {
		err = l.lists.EachLogged(func(leaf uint64, logged postings.Logged) error {
			rows++
			sum += maphash.Comparable(l.seed, said{leaf, logged})
			return nil
		})
	}
	if err == nil && c.report.opened == c.report.Receipts-c.report.Erased && (rows != l.rows || sum != l.sum) {
		err = errors.New("does not say of every receipt what is in it, or says more; receiptlog reindex makes it anew")
	}
	if err != nil {
		c.report.damage("index", "search", err)
	}
}
