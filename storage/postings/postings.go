// Package postings answers which leaves have all of some terms, newest first.
//
// A term is any text; what terms a leaf has is for the caller to say. Of a term
// only the first 8 bytes of its HMAC-SHA-256 under the database's secret are
// stored, so that a row says of a leaf nothing that can be read, and two terms
// may, once in a while, share their rows: an answer is a candidate, and the
// caller looks at the leaf itself. What is missing from an answer is missing for
// certain.
//
// Rows are written after the leaves, by whoever follows the log: a [Chunk] holds
// the terms of the next leaves, however many have come, and a row the leaves of
// one term among them. So a term that every leaf has costs a row a chunk and a
// byte a leaf, and only rare terms cost a row a leaf. The batch of a chunk also
// says how far the lists reach ([Postings.Next]): after a crash, or where there
// were no lists before, whoever follows goes on from there (I9). One code path
// writes, catches up and rebuilds.
//
// Beside the lists stands what the log says of each leaf in them ([Logged]): who
// found a leaf can open its body without reading the entries around it.
//
// When a body is erased its terms are removed in the same batch ([Postings.Remove]).
package postings

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/armalo/receiptlog/storage/kv"
)

// format is of rows and terms. Lists of another format are dropped and written
// anew; change it whenever the same leaf would get other rows.
const format = 2

// rowLen is the length of the row that says how far the lists reach: the format,
// and the first leaf that is not in them.
const rowLen = 1 + 8

// Term is a term as it is stored.
type Term = [kv.TermLen]byte

// Postings are the lists of one database. There must be one per database. It is
// safe for concurrent use; chunks are for one goroutine at a time.
type Postings struct {
	db    *kv.DB
	macs  sync.Pool // of hash.Hash, keyed with the database's secret
	spans spans

	// mu orders what changes rows: chunks only add rows, and only above next.
	mu      sync.Mutex
	next    uint64
	removed map[uint64]struct{} // leaves from next on whose terms are not to be added
}

// Open takes up the lists of a database, which may have none. Where they are of
// another format they are dropped.
func Open(db *kv.DB) (*Postings, error) {
	p, current, err := open(db)
	if err == nil && !current {
		err = p.Drop()
	}
	if err != nil {
		return nil, fmt.Errorf("open posting lists: %w", err)
	}
	return p, nil
}

// OpenReadOnly is Open for who writes nothing. Lists of an older format it does
// not read: older is true, and p has none.
func OpenReadOnly(db *kv.DB) (p *Postings, older bool, err error) {
	p, _, err = open(db)
	if err != nil {
		return nil, false, fmt.Errorf("open posting lists: %w", err)
	}
	row, err := db.Get(kv.PostingsKey())
	return p, err == nil && len(row) == rowLen && row[0] < format, nil
}

func open(db *kv.DB) (p *Postings, current bool, err error) {
	key := db.Secret()
	p = &Postings{
		db:      db,
		macs:    sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }},
		removed: make(map[uint64]struct{}),
	}
	row, err := db.Get(kv.PostingsKey())
	if errors.Is(err, kv.ErrNotFound) {
		return p, false, nil
	} else if err != nil {
		return nil, false, err
	}
	if len(row) != rowLen || row[0] != format {
		return p, false, nil
	}
	p.next = binary.BigEndian.Uint64(row[1:])
	return p, true, p.spans.load(db)
}

// Drop removes all lists, so that they are written anew. Nobody may be reading.
func (p *Postings) Drop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.db.NewBatch()
	for _, bounds := range [][2][]byte{bounds(kv.AllPostingBounds()), bounds(kv.LoggedBounds()), bounds(kv.SpanBounds())} {
		b.DeleteRange(bounds[0], bounds[1])
	}
	putNext(b, 0)
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("drop posting lists: %w", err)
	}
	p.next = 0
	clear(p.removed)
	p.spans.clear()
	return nil
}

func bounds(lower, upper []byte) [2][]byte { return [2][]byte{lower, upper} }

func putNext(b *kv.Batch, next uint64) {
	b.Set(kv.PostingsKey(), binary.BigEndian.AppendUint64([]byte{format}, next))
}

// Next says how far the lists reach: every leaf below it has its rows.
func (p *Postings) Next() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// Term returns a term as it is stored.
func (p *Postings) Term(text []byte) (t Term) {
	mac := p.macs.Get().(hash.Hash)
	defer p.macs.Put(mac)
	var sum [sha256.Size]byte
	mac.Reset()
	mac.Write([]byte("term\n"))
	mac.Write(text)
	copy(t[:], mac.Sum(sum[:0]))
	return t
}

// Each calls visit for every leaf of every term, in no order that matters, until
// visit returns an error, which Each then returns.
func (p *Postings) Each(visit func(t Term, leaf uint64) error) error {
	lower, upper := kv.AllPostingBounds()
	var row []uint64
	err := p.db.Scan(lower, upper, func(key, value []byte) (err error) {
		if row, err = appendLeaves(row[:0], kv.PostingFirst(key), value); err != nil {
			return err
		}
		for _, leaf := range row {
			if err := visit(kv.PostingTerm(key), leaf); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read posting lists: %w", err)
	}
	return nil
}
