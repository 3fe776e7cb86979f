// Package index answers where things are: the leaf of a receipt, the leaves of a
// run, the leaves that hold an issuer's DID documents, and which handle stands
// for which organisation.
//
// Identities, runs and issuers are derived from entries and bodies: they can be
// dropped and rebuilt, and every answer is the same (I9, [Index.Rebuild]). The
// register of organisations is not derived, since a handle is drawn at random
// and outlives the bodies that name its organisation; Rebuild leaves it alone.
//
// Rows are written to the batch of the entry they speak of, so they land with it
// or not at all. Keys are HMAC-SHA-256 under the database's secret: who finds a
// row, in a backup or in a table not yet compacted, cannot tell from it alone
// which receipt, run or organisation it is of. Whoever erases a body must
// [Index.Forget] its identity in the same batch, for a rebuild would not find
// it again either.
package index

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

// ErrNotFound is returned where there is nothing to return.
var ErrNotFound = kv.ErrNotFound

// Index is safe for concurrent use. There must be one per database, since
// handles not yet written are kept in memory.
type Index struct {
	db   *kv.DB
	macs sync.Pool // of hash.Hash, keyed with the database's secret
	orgs orgs
}

// ErrIncomplete says that a rebuild of the index was begun and not finished.
var ErrIncomplete = errors.New("index is incomplete: it must be rebuilt")

// Open returns the index in db, or ErrIncomplete.
func Open(db *kv.DB) (*Index, error) {
	rebuilding, err := db.Has(kv.RebuildingKey())
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if rebuilding {
		return nil, ErrIncomplete
	}
	return New(db), nil
}

// New returns the index in db, complete or not: it is for who rebuilds it.
func New(db *kv.DB) *Index {
	key := db.Secret()
	return &Index{
		db:   db,
		macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }},
		orgs: orgs{pending: make(map[string]Handle)},
	}
}

// What is hashed is told apart by its first line, so that a run that has the
// name of an organisation does not share its hash.
const (
	domainIdentity = "identity\n"
	domainRun      = "run\n"
	domainIssuer   = "issuer\n"
	domainOrg      = "org\n"
)

func (x *Index) digest(domain, text string) (sum [32]byte) {
	mac := x.macs.Get().(hash.Hash)
	defer x.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(domain))
	mac.Write([]byte(text))
	mac.Sum(sum[:0])
	return sum
}

func (x *Index) identity(receipt [32]byte) [32]byte {
	return x.digest(domainIdentity, string(receipt[:]))
}

// Identity returns the leaf of the receipt with that hash, or ErrNotFound. The
// leaf may not be durable yet; who answers a submitter waits for the leaf to be
// integrated or published first.
func (x *Index) Identity(receipt [32]byte) (leaf uint64, err error) {
	value, err := x.db.Get(kv.IdentityKey(x.identity(receipt)))
	if err != nil {
		return 0, fmt.Errorf("look up receipt: %w", err)
	}
	return decodeLeaf(value)
}

// Claim gives the receipt with that hash to the leaf at index, in b, unless it
// has one already: then Claim writes nothing and returns that leaf and false.
//
// I2: all claims are made on the sequencer, one after another, and Claim sees
// those in b and in every batch before it. So of however many submissions only
// one gets a leaf, whatever their callers looked up before.
func (x *Index) Claim(b *kv.Batch, receipt [32]byte, index uint64) (leaf uint64, claimed bool, err error) {
	key := kv.IdentityKey(x.identity(receipt))
	value, err := b.Get(key)
	if errors.Is(err, kv.ErrNotFound) {
		b.SetTracked(key, binary.BigEndian.AppendUint64(nil, index))
		return index, true, nil
	} else if err != nil {
		return 0, false, fmt.Errorf("claim receipt: %w", err)
	}
	leaf, err = decodeLeaf(value)
	return leaf, false, err
}

// Forget removes, in b, the identity of a receipt whose body is erased.
func (x *Index) Forget(b *kv.Batch, receipt [32]byte) {
	b.Delete(kv.IdentityKey(x.identity(receipt)))
}

// PutRun notes in b that the run has a receipt at the leaf index, and who may
// see it.
func (x *Index) PutRun(b *kv.Batch, run string, index uint64, o Owner) {
	b.Set(kv.RunKey(x.digest(domainRun, run), index), o.marshal())
}

// ForgetRun removes what PutRun noted.
func (x *Index) ForgetRun(b *kv.Batch, run string, index uint64) {
	b.Delete(kv.RunKey(x.digest(domainRun, run), index))
}

// RunLeaf is a leaf that holds a receipt of a run.
type RunLeaf struct {
	Leaf  uint64
	Owner Owner
}

// Run returns the leaves that hold a receipt of the run, in order. There are
// none for a run that was never logged.
func (x *Index) Run(run string) (leaves []RunLeaf, err error) {
	lower, upper := kv.RunBounds(x.digest(domainRun, run))
	err = x.db.Scan(lower, upper, func(key, value []byte) error {
		owner, err := parseOwner(value)
		leaves = append(leaves, RunLeaf{kv.KeyIndex(key), owner})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up run: %w", err)
	}
	return leaves, nil
}

// Document is a DID document that stands in the log.
type Document struct {
	Leaf uint64
	Hash [32]byte // SHA-256 of the canonical document
}

// PutIssuer notes in b that the leaf index holds the issuer's DID document with
// that SHA-256.
func (x *Index) PutIssuer(b *kv.Batch, did string, hash [32]byte, index uint64) {
	b.Set(kv.IssuerKey(x.digest(domainIssuer, did), index), hash[:])
}

// Issuer returns the issuer's documents in the log, oldest first.
func (x *Index) Issuer(did string) (docs []Document, err error) {
	lower, upper := kv.IssuerBounds(x.digest(domainIssuer, did))
	err = x.db.Scan(lower, upper, func(key, value []byte) error {
		d := Document{Leaf: kv.KeyIndex(key)}
		if copy(d.Hash[:], value) != len(d.Hash) {
			return fmt.Errorf("document of leaf %d has a hash of %d bytes", d.Leaf, len(value))
		}
		docs = append(docs, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up issuer: %w", err)
	}
	return docs, nil
}

// LatestIssuer returns the issuer's newest document in the log, or ErrNotFound.
func (x *Index) LatestIssuer(did string) (d Document, err error) {
	lower, upper := kv.IssuerBounds(x.digest(domainIssuer, did))
	err = x.db.Last(lower, upper, func(key, value []byte) error {
		d.Leaf = kv.KeyIndex(key)
		if copy(d.Hash[:], value) != len(d.Hash) {
			return fmt.Errorf("document of leaf %d has a hash of %d bytes", d.Leaf, len(value))
		}
		return nil
	})
	if err != nil {
		return Document{}, fmt.Errorf("look up issuer: %w", err)
	}
	return d, nil
}

func decodeLeaf(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("look up receipt: its row has %d bytes", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
