package cosign

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
)

// Options say whom to ask, and how.
type Options struct {
	// Policy names the witnesses, their URLs and the quorum. Required.
	Policy *policy.Policy

	// Read reads tiles of the durable tree, for consistency proofs. Required.
	Read proof.TileReader

	// Sizes remembers what each witness cosigned last. Nil means in memory only.
	Sizes Sizes

	// Last returns the checkpoint that the log published last, nil if none. It is
	// what witnesses without a monitoring endpoint are asked with; see Compare. Nil
	// means that there never is one.
	Last func() []byte

	// Late is handed verified signature lines for a checkpoint that Cosign has
	// already returned. It may be called concurrently. Nil drops them.
	Late func(c checkpoint.Checkpoint, lines []byte)

	// FailOpen returns checkpoints without a quorum, with an error in the log each
	// time. Whoever verifies them will refuse them all the same.
	FailOpen bool

	// Patience is how long one call of Cosign waits for a quorum; 0 means
	// DefaultPatience. RequestTimeout bounds one exchange with one witness, retry
	// included; 0 means DefaultRequestTimeout.
	Patience       time.Duration
	RequestTimeout time.Duration

	// Transport makes the connections; nil means one with bounds fit for hostile
	// servers.
	Transport http.RoundTripper

	// Now is the clock that cosignatures are compared with; nil means time.Now.
	Now func() time.Time

	// Logger gets what the operator should know; nil means silence.
	Logger *slog.Logger
}

const (
	// DefaultRequestTimeout is far more than a witness needs, and less than it
	// takes for a person to notice.
	DefaultRequestTimeout = 10 * time.Second

	// DefaultPatience lets every witness use its time.
	DefaultPatience = DefaultRequestTimeout + time.Second

	// MaxSkew is how far the time in a cosignature may be from ours. Less would
	// trip over clocks, more would let a witness pass off an old cosignature as
	// one of now.
	MaxSkew = 10 * time.Minute

	// MaxReplyBytes bounds a witness's reply: 16 lines of up to 5 kB.
	MaxReplyBytes = 80 << 10
)

func withDefaults(o Options) Options {
	if o.Sizes == nil {
		o.Sizes = new(Memory)
	}
	if o.Last == nil {
		o.Last = func() []byte { return nil }
	}
	if o.Late == nil {
		o.Late = func(checkpoint.Checkpoint, []byte) {}
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// newTransport keeps connections, as SPEC tlog-witness asks clients to.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  DefaultRequestTimeout,
		MaxResponseHeaderBytes: 16 << 10, // no header of a reply is longer than its type
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        5 * time.Minute,
		ForceAttemptHTTP2:      true,
	}
}
