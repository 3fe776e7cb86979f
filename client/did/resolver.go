package did

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotFound says that a resolver does not know a DID, as distinct from
// failing to find out. A [Chain] goes on to the next resolver for it and for
// nothing else.
var ErrNotFound = errors.New("DID not found")

// Resolver finds the document of a DID. Implementations are safe for
// concurrent use. The document returned has that DID as its id; it is shared
// and must not be changed.
type Resolver interface {
	Resolve(ctx context.Context, did string) (*Document, error)
}

// Refresher is a [Resolver] with a memory, which can be told to look again.
type Refresher interface {
	Resolver
	// Refresh is Resolve with an answer that is not older than the question.
	Refresh(ctx context.Context, did string) (*Document, error)
}

// Refresh asks a resolver for a document as it is now.
func Refresh(ctx context.Context, r Resolver, did string) (*Document, error) {
	if again, ok := r.(Refresher); ok {
		return again.Refresh(ctx, did)
	}
	return r.Resolve(ctx, did)
}

// KeyResolver resolves did:key, by computation alone. Other methods are
// [ErrNotFound].
type KeyResolver struct{}

// Resolve implements [Resolver]. A did:key that holds no Ed25519 key is
// refused with code malformed.
func (KeyResolver) Resolve(_ context.Context, did string) (*Document, error) {
	if Method(did) != "key" {
		return nil, fmt.Errorf("%w: %s is not a did:key", ErrNotFound, quote(did))
	}
	return KeyDocument(did)
}

// Chain asks its resolvers in order and returns the first answer. A failure
// other than [ErrNotFound] ends the search: a later, perhaps weaker, resolver
// does not stand in for one that could not say.
type Chain []Resolver

// Resolve implements [Resolver].
func (c Chain) Resolve(ctx context.Context, did string) (*Document, error) {
	return c.search(did, func(r Resolver) (*Document, error) { return r.Resolve(ctx, did) })
}

// Refresh implements [Refresher].
func (c Chain) Refresh(ctx context.Context, did string) (*Document, error) {
	return c.search(did, func(r Resolver) (*Document, error) { return Refresh(ctx, r, did) })
}

func (c Chain) search(did string, ask func(Resolver) (*Document, error)) (*Document, error) {
	for _, r := range c {
		doc, err := ask(r)
		if !errors.Is(err, ErrNotFound) {
			return doc, err
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, quote(did))
}
