package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/index"
)

// resolveTimeout bounds how long a submission waits for an issuer's DID
// document. The resolver has tighter limits on each request it makes.
const resolveTimeout = 15 * time.Second

// standing says where in the log a receipt's issuer document stands.
type standing struct {
	needed bool // false for did:key, whose DID is its own evidence
	index  uint64
}

// issuer is one configured issuer and the document of it that the log
// archived last.
//
// Receipts are put into the sequencer's queue under the read lock and a new
// document under the write lock. So the document a receipt was verified with
// is always the issuer's latest entry below the receipt's own.
type issuer struct {
	name     string        // its DID
	selfMade *did.Document // of a did:key, which never changes and needs no archive
	sight    sighting

	mu        sync.RWMutex
	at        standing
	canonical []byte // of the document archived last; nil if there is none
}

func newIssuer(name string) (*issuer, error) {
	i := &issuer{name: name}
	if !did.IsKey(name) {
		return i, nil
	}
	var err error
	i.selfMade, err = did.KeyDocument(name)
	return i, err
}

// rely calls use with a document of the issuer that the log has archived, and
// where. That is doc, unless a newer one was archived meanwhile. What use adds
// to the log comes after that entry and before any later one of this issuer.
func (i *issuer) rely(ctx context.Context, l *Log, doc *did.Document, use func(*did.Document, standing) error) error {
	if i.selfMade != nil {
		return use(doc, standing{})
	}
	i.mu.RLock()
	if bytes.Equal(i.canonical, doc.Canonical()) {
		defer i.mu.RUnlock()
		return use(doc, i.at)
	}
	i.mu.RUnlock()

	i.mu.Lock()
	defer i.mu.Unlock()
	if !bytes.Equal(i.canonical, doc.Canonical()) {
		// Another submission may have archived a newer one while we held an
		// old copy: ask again before calling ours the change.
		current, err := i.resolve(ctx, l)
		if err != nil {
			return err
		}
		if doc = current; !bytes.Equal(i.canonical, doc.Canonical()) {
			if err := i.archive(l, doc); err != nil {
				return err
			}
		}
	}
	return use(doc, i.at)
}

// archive appends the document as an entry of its own and waits until it is
// durable. The caller holds the write lock.
func (i *issuer) archive(l *Log, doc *did.Document) error {
	data := entry.Issuer{DID: i.name, Document: doc.Canonical(), At: l.clock()}.Marshal()
	if len(data) > entry.MaxBytes {
		return verdict.Errorf(verdict.TooLarge, "issuer", "the DID document of %s is too large to archive", i.name)
	}
	at, err := l.add(data, &issuerRecords{index: l.index, did: i.name, document: doc.Canonical()})()
	if err != nil {
		return l.appendError(fmt.Errorf("archive document of %s: %w", i.name, err))
	}
	i.canonical = doc.Canonical()
	i.at = standing{needed: true, index: at.Index}
	l.logger.Info("issuer document archived", "issuer", i.name, "index", at.Index)
	return nil
}

// load takes up the document that the log archived last, if any, and when it was
// last seen. It runs before anything is appended.
func (i *issuer) load(l *Log) error {
	if i.selfMade != nil {
		return nil
	}
	latest, err := l.index.LatestIssuer(i.name)
	if errors.Is(err, index.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	archived, err := l.issuerEntry(context.Background(), latest.Leaf)
	if err != nil {
		return err
	}
	if archived.DID != i.name {
		return fmt.Errorf("entry %d archives %s, not %s", latest.Leaf, archived.DID, i.name)
	}
	i.canonical = archived.Document
	i.at = standing{needed: true, index: latest.Leaf}
	return i.sight.load(l, latest.Leaf, archived)
}

// resolve returns the DID document of anybody, or a coded error.
func (l *Log) resolve(ctx context.Context, name string) (*did.Document, error) {
	return l.lookUp(ctx, name, l.resolver.Resolve)
}

// lookUp asks a resolver in one of its ways.
func (l *Log) lookUp(ctx context.Context, name string, ask func(context.Context, string) (*did.Document, error)) (*did.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	doc, err := ask(ctx, name)
	switch {
	case err == nil && doc.DID() != name:
		return nil, verdict.Errorf(verdict.IssuerUnavailable, "issuer", "the document found for %s is that of %s", name, doc.DID())
	case err == nil:
		return doc, nil
	case errors.Is(err, did.ErrNotFound):
		return nil, &withdrawn{verdict.Errorf(verdict.IssuerUnavailable, "issuer", "no DID document found for %s", name)}
	case verdict.CodeOf(err) != verdict.Internal:
		return nil, err
	}
	return nil, verdict.Errorf(verdict.IssuerUnavailable, "issuer", "resolve %s: %v", name, err)
}
