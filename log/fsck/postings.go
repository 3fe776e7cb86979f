package fsck

import (
	"errors"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/storage/postings"
)

// listed compares the posting lists of the search index with the receipts, as
// sets: how many pairs of term and leaf there are, and the sum of their hashes. A
// pair that is missing, or too many, changes both, save by an accident of 64 bits.
type listed struct {
	lists *postings.Postings
	next  uint64 // the lists reach up to here; what is above is not missed
	seed  maphash.Seed

	mu    sync.Mutex
	pairs uint64
	sum   uint64
}

// pair is a leaf that has a term.
type pair struct {
	term postings.Term
	leaf uint64
}

// openListed takes up the lists. Where they cannot be read that is damage, and
// nothing is compared.
func (c *checker) openListed() {
	lists, err := postings.OpenReadOnly(c.db)
	if err != nil {
		c.report.damage("index", "search", err)
		return
	}
	c.listed = &listed{lists: lists, next: lists.Next(), seed: maphash.MakeSeed()}
}

// add counts what the lists must have of a receipt. Safe for concurrent use.
func (l *listed) add(at uint64, r *receipt.Receipt) {
	if l == nil || at >= l.next {
		return
	}
	var terms []postings.Term
	search.EachTerm(r, func(text []byte) {
		if t := l.lists.Term(text); !slices.Contains(terms, t) {
			terms = append(terms, t)
		}
	})
	sum := uint64(0)
	for _, t := range terms {
		sum += maphash.Comparable(l.seed, pair{t, at})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pairs += uint64(len(terms))
	l.sum += sum
}

// checkListed compares. Where a body is damaged nobody knows its terms, so that
// there is nothing to compare with.
func (c *checker) checkListed() {
	l := c.listed
	if l == nil {
		return
	}
	var pairs, sum uint64
	err := l.lists.Each(func(t postings.Term, leaf uint64) error {
		pairs++
		sum += maphash.Comparable(l.seed, pair{t, leaf})
		return nil
	})
	if err == nil && c.report.opened == c.report.Receipts-c.report.Erased && (pairs != l.pairs || sum != l.sum) {
		err = errors.New("does not say of every receipt what is in it, or says more; receiptlog reindex makes it anew")
	}
	if err != nil {
		c.report.damage("index", "search", err)
	}
}
