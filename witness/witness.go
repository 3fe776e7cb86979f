package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/storage/cas"
)

// Options say how a witness behaves.
type Options struct {
	// Now is the clock of rate limits and of the rows' dates. Cosignatures have
	// the clock that their [Keys] were given. Nil means time.Now.
	Now func() time.Time

	// PerLogPerSecond is how many cosignatures a second one log may ask for on
	// average, where nothing else was agreed with it. 0 means any number.
	PerLogPerSecond float64

	// PerLogBurst is how many it may ask for at once.
	PerLogBurst int

	// OnFork is called when a log turns out to have signed two trees, once a log
	// and database. Nil means nothing more than an error in the log.
	OnFork func()

	// Logger gets what the operator should know. Nil means silence.
	Logger *slog.Logger
}

// Witness is a witness over one store.
type Witness struct {
	store     *cas.Store
	keys      atomic.Pointer[Keys]
	served    atomic.Int64 // logs that are not removed
	opts      Options
	log       *slog.Logger
	verifiers *recent[string, verifier]
	limits    *recent[string, *bucket]
}

// Both caches hold this many items, and up to as many again of the generation
// before: enough for the logs that are active at a time, little on any machine
// (an expanded ML-DSA-44 key takes about 20 kB).
const (
	cachedVerifiers = 512
	cachedLimits    = 4096
)

// New returns a witness that signs with keys. There must be one Witness per
// database.
func New(store *cas.Store, keys *Keys, opts Options) (*Witness, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.OnFork == nil {
		opts.OnFork = func() {}
	}
	w := &Witness{
		store:     store,
		opts:      opts,
		log:       opts.Logger,
		verifiers: newRecent[string, verifier](cachedVerifiers),
		limits:    newRecent[string, *bucket](cachedLimits),
	}
	w.keys.Store(keys)
	return w, w.countLogs()
}

// Keys returns the keys that the witness signs with.
func (w *Witness) Keys() *Keys { return w.keys.Load() }

// SetKeys makes the witness sign with other keys from the next request on.
func (w *Witness) SetKeys(keys *Keys) { w.keys.Store(keys) }

// HashOrigin returns the hash under which an origin's rows stand and its
// checkpoint is served. SPEC tlog-witness: "the SHA-256 hash of the log's origin,
// hex encoded, in lowercase".
func HashOrigin(origin string) string {
	h := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(h[:])
}

// Names of rows in the store.
const (
	logRow        = "log/"
	checkpointRow = "checkpoint/"
	forkRow       = "fork/"
)
