package did

import (
	"context"
	"fmt"
	"io"
	"io/fs"
)

// Pinned resolves DIDs from documents read once from a folder. It is the
// resolver for use with no network, and for an operator who wants to decide by
// hand when an issuer's key changes.
type Pinned struct {
	byID map[string]*Document
}

// NewPinned reads every file *.json in the root of fsys as a DID document, by
// the id it states; the file's name does not matter. One bad document, or two
// for one DID, is an error that names the file.
func NewPinned(fsys fs.FS) (*Pinned, error) {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list pinned DID documents: %w", err)
	}
	p := &Pinned{byID: make(map[string]*Document, len(names))}
	for _, name := range names {
		doc, err := readPinned(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read pinned DID document %s: %w", name, err)
		}
		if p.byID[doc.DID()] != nil {
			return nil, fmt.Errorf("read pinned DID document %s: another file has the id %s too", name, doc.DID())
		}
		p.byID[doc.DID()] = doc
	}
	return p, nil
}

func readPinned(fsys fs.FS, name string) (*Document, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxDocumentBytes+1))
	if err != nil {
		return nil, err
	}
	return ParseDocument(data)
}

// Resolve implements [Resolver]; a DID with no document is [ErrNotFound].
func (p *Pinned) Resolve(_ context.Context, did string) (*Document, error) {
	if doc := p.byID[did]; doc != nil {
		return doc, nil
	}
	return nil, fmt.Errorf("%w: %s is not among the pinned documents", ErrNotFound, quote(did))
}

// Len returns how many documents are pinned.
func (p *Pinned) Len() int { return len(p.byID) }
