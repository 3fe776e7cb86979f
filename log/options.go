package log

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/log/retention"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/kv"
)

// Defaults of [Options].
const (
	// DefaultCheckpointInterval keeps a submitter's wait far below two seconds
	// and costs a few thousand signatures an hour. A lone receipt does not wait
	// for it.
	DefaultCheckpointInterval = 250 * time.Millisecond
	// DefaultRepublishInterval shows that the log is alive while nothing is
	// submitted.
	DefaultRepublishInterval = 1 * time.Minute
	// DefaultIssuerRefresh bounds how long a key that was revoked is accepted.
	DefaultIssuerRefresh = 5 * time.Minute

	// DefaultIssuerMaxAge lets an issuer submit while its web site is down for a
	// day. Whoever can keep the site from the log has a revoked key accepted for
	// as long.
	DefaultIssuerMaxAge = 24 * time.Hour

	// DefaultMaxOutstanding bounds how many entries wait for the sequencer;
	// at 3 KB a receipt that is 50 MB.
	DefaultMaxOutstanding = 16384
	// DefaultShutdownTimeout bounds how long Close waits for the checkpoint
	// over the last entries.
	DefaultShutdownTimeout = 30 * time.Second
)

// Options say how to open a [Log].
type Options struct {
	// Dir is the data directory, made with [Create].
	Dir string
	// Origin is the log's name as the operator has it; "" means that of the data.
	Origin string
	// Signers sign checkpoints. Their name is the log's origin. The first must
	// be of type Ed25519 (0x01), which every C2SP client understands. One of them
	// must have signed what is published, and each that has not must be among
	// Known; else the log refuses to sign (I5).
	Signers []*checkpoint.Signer
	// Known are the log's verifier keys as readers were given them: also those
	// that sign no more, and those that will. A log with other Signers is still
	// read by them.
	Known []string
	// Issuers are the DIDs whose receipts are accepted. No others are.
	Issuers []string
	// Resolver finds the DID documents of issuers.
	Resolver did.Resolver

	// IssuerRefresh is how often the documents of issuers that receipts rely on
	// are looked for anew, and IssuerMaxAge how long one is still relied on after
	// it was last seen, while it cannot be had. 0 means the default.
	IssuerRefresh, IssuerMaxAge time.Duration
	// Witnesses are asked to cosign every checkpoint, and without their quorum
	// none is published. If the policy lists logs, one must be this log. nil asks
	// nobody.
	Witnesses *policy.Policy
	// FailOpen publishes without the quorum all the same, and says so loudly.
	// Whoever verifies by the policy will refuse such checkpoints.
	FailOpen bool

	// CheckpointInterval is the least time between checkpoints and
	// RepublishInterval the most. 0 means the default.
	CheckpointInterval time.Duration
	RepublishInterval  time.Duration
	// MaxOutstanding is how many entries may wait for the sequencer before
	// submissions are refused with ErrOverloaded. 0 means the default.
	MaxOutstanding uint
	// ReserveBytes are kept free on the disk: receipts are refused with ErrFull
	// before it is quite full. 0 means kv.DefaultReserveBytes.
	ReserveBytes uint64
	// KeyRate is how many requests a second an API key may make that says
	// nothing of its own. 0 means access.DefaultRate.
	KeyRate int
	// Retention says what the log promises at least about bodies, and how it
	// goes about erasing them. Now and Logger are set by Open.
	Retention retention.Options
	// NoSearch keeps no search index: searches are refused with ErrSearchBehind.
	// If the log is opened without it later, the index is built then.
	NoSearch bool
	// Webhooks says how receivers are told of what happens. Now and Logger are set
	// by Open.
	Webhooks webhook.Options
	// Seen are signed checkpoints that somebody has seen of this log. Where the data
	// does not extend them, the log refuses to sign (I5).
	Seen [][]byte
	// ShutdownTimeout bounds how long Close waits. 0 means the default.
	ShutdownTimeout time.Duration

	// Clock tells the time; nil means time.Now.
	Clock func() time.Time
	// Logger receives what an operator should know; nil means silence. Neither
	// receipts nor keys are ever written to it.
	Logger *slog.Logger
	// Tracer makes a trace of each publication, whose steps explain how long
	// submitters waited; nil: none. A submission's own steps are made in the span
	// of its context.
	Tracer trace.Tracer
	// Storage tunes the database. Origin, Create, Logger and OnFatal are set
	// by Open.
	Storage kv.Options
}

// setDefaults fills in what was left out and refuses what cannot work.
func (o *Options) setDefaults() error {
	if len(o.Signers) == 0 {
		return errors.New("no log key is configured")
	}
	if a := o.Signers[0].Verifier().Algorithm(); a != checkpoint.Ed25519 {
		return fmt.Errorf("the first log key must be of type %s, not %s", checkpoint.Ed25519, a)
	}
	if o.Resolver == nil {
		return errors.New("no resolver is configured")
	}
	setDefault(&o.IssuerRefresh, DefaultIssuerRefresh)
	setDefault(&o.IssuerMaxAge, DefaultIssuerMaxAge)
	setDefault(&o.CheckpointInterval, DefaultCheckpointInterval)
	setDefault(&o.RepublishInterval, max(DefaultRepublishInterval, o.CheckpointInterval))
	setDefault(&o.MaxOutstanding, DefaultMaxOutstanding)
	setDefault(&o.ReserveBytes, kv.DefaultReserveBytes)
	setDefault(&o.ShutdownTimeout, DefaultShutdownTimeout)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
