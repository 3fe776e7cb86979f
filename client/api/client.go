package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of [Options].
const (
	// DefaultTimeout covers one attempt, the wait for a published checkpoint
	// included: publishing takes about a second, and a witness may be slow.
	DefaultTimeout = 60 * time.Second
	// DefaultAttempts rides out a restart of the log (about 4 s of patience)
	// without making a person wait long for a log that is down.
	DefaultAttempts = 5
	// maxRedirects is enough for a moved prefix and too few for a loop.
	maxRedirects = 3
)

// Options are the choices a caller may make. The zero value is ready for use.
type Options struct {
	// Transport carries the requests; nil means one of our own.
	Transport http.RoundTripper
	// Timeout bounds each attempt; 0 means DefaultTimeout.
	Timeout time.Duration
	// Attempts bounds how often a request is tried; 0 means DefaultAttempts
	// and 1 means never again.
	Attempts int
	// Token is a key of the log's, for what not everybody may do: reading
	// private bodies, setting rules, holds and erasures. It is sent with every
	// request, and never to another host.
	Token string
	// UserAgent is sent with every request; "" means "receiptlog-client".
	UserAgent string
}

// Client speaks to one log. It is safe for concurrent use.
//
// Every request is idempotent, submissions included (the log keeps one leaf a
// receipt), so requests are tried again after a lost connection and after 429
// and 503, as the log's Retry-After asks, within Options.Attempts. Replies are
// bounded. A refusal by the log is a [*Problem]; anything else is a failure to
// reach it.
type Client struct {
	base string
	http *http.Client
	opts Options
}

// New returns a client of the log at prefix, an http or https URL without
// query or fragment, as in "https://log.example.com/2026".
func New(prefix string, opts Options) (*Client, error) {
	u, err := url.Parse(prefix)
	if err != nil {
		return nil, fmt.Errorf("parse log URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("parse log URL: %q is not an http or https URL", prefix)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("parse log URL: it must have no user, query or fragment")
	}
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.Attempts == 0 {
		opts.Attempts = DefaultAttempts
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "receiptlog-client"
	}
	if opts.Transport == nil {
		opts.Transport = newTransport()
	}
	carrier := &http.Client{Transport: opts.Transport, CheckRedirect: checkRedirect}
	return &Client{base: strings.TrimRight(u.String(), "/"), http: carrier, opts: opts}, nil
}

// URL returns the prefix of the log, without a final slash.
func (c *Client) URL() string { return c.base }

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64  // an auditor reads tiles side by side
	t.DisableCompression = true // hashes and sealed bodies do not get smaller
	return t
}

// checkRedirect follows a few redirects, and none from https to http.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("refused a redirect from https to http")
	}
	return nil
}
