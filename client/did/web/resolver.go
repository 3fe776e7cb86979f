package web

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/outbound"
)

// Options configures a [Resolver]. The zero value is ready for use on the open
// internet.
type Options struct {
	// AllowPrivate lets the resolver connect to addresses that are not public:
	// loopback, private and link-local networks and all the rest. It is for
	// tests, and for operators whose issuers live on their own network. Where
	// strangers can choose the DID, it lets them reach that network.
	AllowPrivate bool
	// Roots are the certificate authorities to accept; nil is the system's.
	Roots *x509.CertPool
	// TTL is how long a document is served without asking again; the default
	// is 5 minutes. A key that was revoked may be accepted for as long, and a
	// new one refused.
	TTL time.Duration
	// FailureTTL is the same for a failure; the default is 30 seconds.
	FailureTTL time.Duration
	// Timeout bounds one resolution; the default is 10 seconds.
	Timeout time.Duration
	// Now is the clock of the cache; the default is time.Now.
	Now func() time.Time
}

const (
	defaultTTL        = 5 * time.Minute
	defaultFailureTTL = 30 * time.Second
	defaultTimeout    = 10 * time.Second
)

// Resolver resolves did:web. It implements did.Resolver and is safe for
// concurrent use.
type Resolver struct {
	opts   Options
	client *http.Client
	slots  chan struct{}

	mu      sync.Mutex
	cache   cache
	flights map[string]*flight
}

// flight is a resolution under way, which everybody who asks for the same DID
// waits for. doc and err are set before done is closed.
type flight struct {
	done chan struct{}
	doc  *did.Document
	err  error
}

// New returns a resolver with an empty cache. It makes no request.
func New(opts Options) *Resolver {
	if opts.TTL <= 0 {
		opts.TTL = defaultTTL
	}
	if opts.FailureTTL <= 0 {
		opts.FailureTTL = defaultFailureTTL
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Resolver{
		opts: opts,
		client: outbound.NewClient(outbound.Options{
			AllowPrivate: opts.AllowPrivate,
			Roots:        opts.Roots,
			DialTimeout:  opts.Timeout,
		}),
		slots:   make(chan struct{}, maxFetches),
		flights: make(map[string]*flight),
	}
}

// Resolve implements did.Resolver. The document may be as old as the TTL.
//
// Errors: did.ErrNotFound for other methods than did:web and where the site
// says that it has no document (404, 410); malformed for a did:web that stands
// for no URL; issuer_unavailable for all that can go wrong on the way; and
// that of ctx, whose end leaves the request to others that wait for it.
func (r *Resolver) Resolve(ctx context.Context, id string) (*did.Document, error) {
	return r.await(ctx, id, true)
}

// Refresh implements did.Refresher: it asks the site even where the cache holds
// an answer, and puts the new one there. It joins a request that is under way.
// Whoever calls it for strangers has to bound how often.
func (r *Resolver) Refresh(ctx context.Context, id string) (*did.Document, error) {
	return r.await(ctx, id, false)
}

func (r *Resolver) await(ctx context.Context, id string, cached bool) (*did.Document, error) {
	if did.Method(id) != "web" {
		return nil, fmt.Errorf("%w: %.120q is not a did:web", did.ErrNotFound, id)
	}
	f := r.join(ctx, id, cached)
	select {
	case <-f.done:
		return f.doc, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("resolve %.120q: %w", id, ctx.Err())
	}
}

// join returns what the cache holds for id, if that is wanted, or the flight
// under way, or a new one.
func (r *Resolver) join(ctx context.Context, id string, cached bool) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.cache.get(id, r.opts.Now()); f != nil && cached {
		return f
	}
	if f := r.flights[id]; f != nil {
		return f
	}
	f := &flight{done: make(chan struct{})}
	r.flights[id] = f
	go r.fly(context.WithoutCancel(ctx), id, f)
	return f
}

// fly resolves id for all who wait. It ends within the timeout.
func (r *Resolver) fly(ctx context.Context, id string, f *flight) {
	f.doc, f.err = r.fetch(ctx, id)
	ttl := r.opts.TTL
	if f.err != nil {
		ttl = r.opts.FailureTTL
	}
	r.mu.Lock()
	r.cache.put(id, f, r.opts.Now().Add(ttl))
	delete(r.flights, id)
	r.mu.Unlock()
	close(f.done)
}
