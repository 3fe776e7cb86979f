package fsck

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/index"
)

// job is one bundle for a worker.
type job struct {
	first     uint64 // index of the first entry
	entries   [][]byte
	documents archive // of all issuers, up to and including this bundle
}

// archive holds the issuers' documents as they stand in the log, by DID, oldest
// first. It is never changed once a worker has it.
type archive map[string][]archivedDocument

type archivedDocument struct {
	index    uint64
	document *did.Document
}

func (a archive) clone() archive {
	b := maps.Clone(a)
	for name, docs := range b {
		b[name] = slices.Clip(docs)
	}
	return b
}

// before returns the issuer's document as it stood below index.
func (a archive) before(issuer string, index uint64) (*did.Document, error) {
	if did.IsKey(issuer) {
		return did.KeyDocument(issuer)
	}
	docs := a[issuer]
	for i := len(docs) - 1; i >= 0; i-- {
		if docs[i].index < index {
			return docs[i].document, nil
		}
	}
	return nil, fmt.Errorf("the log holds no document of %s before it", issuer)
}

// checkDocument reads an archived document, looks for its index row and adds it
// to the archive.
func (c *checker) checkDocument(to archive, at uint64, logged entry.Issuer) {
	c.report.count(func(r *Report) { r.Documents++ })
	where := strconv.FormatUint(at, 10)
	doc, err := did.ParseDocument(logged.Document)
	if err == nil && doc.DID() != logged.DID {
		err = fmt.Errorf("is that of %s, archived as that of %s", doc.DID(), logged.DID)
	}
	if err != nil {
		c.report.damage("issuer document", where, err)
		return
	}
	to[logged.DID] = append(to[logged.DID], archivedDocument{at, doc})
	rows, err := c.index.Issuer(logged.DID)
	want := index.Document{Leaf: at, Hash: sha256.Sum256(logged.Document)}
	if err == nil && !slices.Contains(rows, want) {
		err = errors.New("the issuer's row is missing")
	}
	if err != nil {
		c.report.damage("index", where, err)
	}
}

// checkReceipts checks the receipts of one bundle.
func (c *checker) checkReceipts(j job) {
	for i, data := range j.entries {
		parsed, err := entry.Parse(data)
		if err != nil {
			continue // reported where the tree was built
		}
		if e, ok := parsed.(entry.Receipt); ok {
			c.checkReceipt(j.first+uint64(i), &e, j.documents)
		}
	}
}

// checkReceipt opens a receipt's body, verifies it and looks for its rows.
func (c *checker) checkReceipt(at uint64, e *entry.Receipt, documents archive) {
	c.report.count(func(r *Report) { r.Receipts++ })
	where := strconv.FormatUint(at, 10)
	plain, salt, err := body.Open(c.db, at, e.Commitment)
	if errors.Is(err, body.ErrErased) {
		c.report.count(func(r *Report) { r.Erased++ })
		return
	}
	if err == nil && entry.Commit(salt, plain) != e.Commitment {
		err = errors.New("entry and salt commit to another body")
	}
	if err != nil {
		c.report.damage("body", where, err)
		return
	}
	r, err := receipt.Parse(plain)
	if err != nil {
		c.report.damage("body", where, err)
		return
	}
	c.report.count(func(r *Report) { r.opened++ })
	c.listed.add(at, e, r)
	if err := checkSignature(at, e, r, documents); err != nil {
		c.report.damage("signature", where, err)
		return
	}
	c.report.count(func(r *Report) { r.ReceiptsSound++ })
	if err := c.checkRows(at, e, r); err != nil {
		c.report.damage("index", where, err)
	}
}

// checkSignature verifies a receipt with its issuer's document as of its place
// in the log, and holds the signer against the entry.
func checkSignature(at uint64, e *entry.Receipt, r *receipt.Receipt, documents archive) error {
	if r.Issuer() != e.Issuer {
		return fmt.Errorf("the receipt is by %s, the entry names %s", r.Issuer(), e.Issuer)
	}
	doc, err := documents.before(e.Issuer, at)
	if err != nil {
		return err
	}
	signer, err := r.Verify(doc)
	if err != nil {
		return fmt.Errorf("%w (%s)", err, verdict.CodeOf(err))
	}
	if key := did.EncodeKey(signer.Key); key != e.Key {
		return fmt.Errorf("the receipt is signed by %s, the entry names %s", key, e.Key)
	}
	return nil
}

// checkRows looks for the index rows of a receipt.
func (c *checker) checkRows(at uint64, e *entry.Receipt, r *receipt.Receipt) error {
	leaf, err := c.index.Identity(r.Hash())
	if err != nil {
		return fmt.Errorf("the receipt's row: %w", err)
	}
	if leaf != at {
		return fmt.Errorf("the receipt's row names entry %d", leaf)
	}
	leaves, err := c.index.Run(r.RunID())
	if err != nil {
		return fmt.Errorf("the run's row: %w", err)
	}
	row := slices.IndexFunc(leaves, func(l index.RunLeaf) bool { return l.Leaf == at })
	if row < 0 {
		return errors.New("the run's row is missing")
	}
	if o := leaves[row].Owner; o.Known && (o.Public != r.Publishable() || o.Org.String() != e.Org) {
		return errors.New("the run's row says that others may see the receipt than may")
	}
	handle, err := c.index.LookupHandle(r.Org())
	if err != nil {
		return fmt.Errorf("the organisation's row: %w", err)
	}
	if handle.String() != e.Org {
		return fmt.Errorf("the organisation's handle is %s, the entry names %s", handle, e.Org)
	}
	return nil
}
