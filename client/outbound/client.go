// Package outbound makes requests to where a stranger says: the site of a
// did:web, the receiver of a webhook. Such a name may lead into the network that
// we stand in, and the other side may answer anything, so a client of this
// package
//
//   - connects to public addresses only. The check is made on the very address
//     that is dialled, after DNS, so that no name, and no second answer to the
//     same question, gets around it;
//   - uses no proxy, which would dial on its own where we cannot see it;
//   - follows no redirects, and carries no cookies;
//   - takes a header of at most [MaxHeaderBytes].
//
// How much of a body to read, and how long all of it may take, is for the caller
// to bound. [Reason] says what went wrong without repeating an address or
// anything that the other side said.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"
)

// MaxHeaderBytes bounds the header of a response.
const MaxHeaderBytes = 16 << 10

// idleTimeout is how long a connection is kept for the next request.
const idleTimeout = 30 * time.Second

// ErrRedirect ends a request that is answered with a redirect.
var ErrRedirect = errors.New("redirects are not followed")

// Options say what a client may do.
type Options struct {
	// AllowPrivate lets it connect to addresses that are not public. It is for
	// tests and for peers in one's own network.
	AllowPrivate bool
	// Roots are the certificate authorities to accept; nil is the system's.
	Roots *x509.CertPool
	// DialTimeout bounds looking up the name and connecting.
	DialTimeout time.Duration
	// Connections bounds those to one host at a time, and lets them be used
	// again; 0 means any number, each used once.
	Connections int
}

// NewClient returns a client as the package describes. It makes no request.
func NewClient(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: o.DialTimeout, Control: onlyPublic}
	if o.AllowPrivate {
		dialer.Control = nil
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    o.DialTimeout,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      o.Connections == 0,
			MaxConnsPerHost:        o.Connections,
			IdleConnTimeout:        idleTimeout,
			DisableCompression:     true,
			MaxResponseHeaderBytes: MaxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
	}
}

// Reason says why a request failed, about "its host", in words that repeat
// neither an address nor what the other side said: whoever chose the name may be
// told, and our network is none of their business.
func Reason(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, ErrNotPublic):
		return "its host is not at a public address"
	case errors.Is(err, ErrRedirect):
		return ErrRedirect.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "its host took too long"
	case errors.As(err, &dns):
		return "its host name does not resolve"
	case errors.As(err, &certificate):
		return "its host's certificate is not valid"
	}
	return "its host cannot be reached, or broke off"
}
