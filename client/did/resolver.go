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
	for _, r := range c {
		doc, err := r.Resolve(ctx, did)
		if !errors.Is(err, ErrNotFound) {
			return doc, err
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, quote(did))
}
