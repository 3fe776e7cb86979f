// Package web resolves did:web over HTTPS.
package web

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/armalo/receiptlog/client/did"
)

// Options configures a [Resolver].
type Options struct {
	// AllowPrivate admits loopback, private, link-local and other addresses
	// that are not public.
	AllowPrivate bool
	// Roots are the certificate authorities accepted; nil means the system's.
	Roots *x509.CertPool
	// TTL is how long a document is served from the cache.
	TTL time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Resolver implements did.Resolver.
type Resolver struct{ opts Options }

func New(opts Options) *Resolver { return &Resolver{opts: opts} }

func (r *Resolver) Resolve(ctx context.Context, id string) (*did.Document, error) {
	return nil, errors.New("web: not built yet")
}
