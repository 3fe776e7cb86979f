package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/outbox"
)

// Log is what a sender needs of the log that it tells about.
type Log interface {
	// Origin is the log's name, and KeyTag a few characters that tell it from
	// every other one.
	Origin() string
	KeyTag() string
	// PublishedSize is the size of the published tree, and PublishedAt when it was
	// published; the zero time if nothing was yet.
	PublishedSize() uint64
	PublishedAt() time.Time
	// Quorum returns the rule that cosignatures must meet, and since when they do
	// not; the zero time while they do.
	Quorum() (rule string, lost time.Time)
	// Receipt returns a published receipt, or an error with the code erased.
	Receipt(ctx context.Context, index uint64) (*receipt.Receipt, error)
	// Erasure returns what a published erasure says.
	Erasure(ctx context.Context, index uint64) (Erasure, error)
	// OffDisk reports whether nothing that an erasure destroyed is in a file any
	// more.
	OffDisk(ctx context.Context, index uint64) (bool, error)
}

// Erasure is what there is to tell about one.
type Erasure struct {
	Org   string // its name
	Basis string
	Count uint64
}

// Options say how to send. The zero value is ready for use.
type Options struct {
	// AllowPrivate lets receivers be at addresses that are not public, and at
	// http:// URLs. Never set it where strangers can add receivers.
	AllowPrivate bool
	// StaleAfter is how old the published checkpoint may be before somebody is
	// told; 0 means DefaultStaleAfter. QuorumGrace is the same for a quorum that
	// is lost; 0 means DefaultQuorumGrace.
	StaleAfter, QuorumGrace time.Duration
	// WatchEvery is how often that is looked at; 0 means DefaultWatchEvery.
	WatchEvery time.Duration
	// Delays are the times between attempts; nil means DefaultDelays. After the
	// last, or MaxAge after it happened, a message is dead.
	Delays []time.Duration
	// Timeout bounds one attempt; 0 means DefaultTimeout.
	Timeout time.Duration
	// Outbox bounds the queues.
	Outbox outbox.Options
	// Now tells the time; nil means time.Now. Logger may be nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Defaults of [Options].
const (
	DefaultStaleAfter  = 130 * time.Second // two checkpoints are late
	DefaultQuorumGrace = 15 * time.Second  // a witness may be started anew
	DefaultWatchEvery  = time.Second
	DefaultTimeout     = 15 * time.Second
)

// DefaultDelays add up to three days.
var DefaultDelays = []time.Duration{
	5 * time.Second, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 18 * time.Hour, 22 * time.Hour,
}

// MaxReceivers bounds how many there are: each has a worker and up to
// senders connections.
const MaxReceivers = 100

// maxPerOrg bounds how many of them are of one organisation.
const maxPerOrg = 10

// Hooks sends messages to receivers. Its methods may be called concurrently.
type Hooks struct {
	db   *kv.DB
	box  *outbox.Box
	log  Log
	opts Options

	// receivers are all there are, in the order in which they were added. The
	// list is replaced, never changed.
	receivers atomic.Pointer[[]*Receiver]

	nudged atomic.Bool // something was queued that no publication tells of

	mu      sync.Mutex // held to change receivers
	workers map[uint32]*worker
	run     context.Context // nil until Run
	working sync.WaitGroup

	metrics *metrics
}

// Open takes up the receivers and queues in a database.
func Open(db *kv.DB, log Log, opts Options) (*Hooks, error) {
	opts.setDefaults()
	box, stored, err := outbox.Open(db, opts.Outbox)
	if err != nil {
		return nil, err
	}
	h := &Hooks{db: db, box: box, log: log, opts: opts, workers: make(map[uint32]*worker)}
	all := make([]*Receiver, len(stored))
	for i, s := range stored {
		if all[i], err = parseReceiver(s.ID, s.Note); err != nil {
			return nil, fmt.Errorf("open webhooks: %w", err)
		}
	}
	h.receivers.Store(&all)
	if h.metrics, err = newMetrics(h); err != nil {
		return nil, fmt.Errorf("open webhooks: %w", err)
	}
	return h, nil
}

func (o *Options) setDefaults() {
	if o.StaleAfter == 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.QuorumGrace == 0 {
		o.QuorumGrace = DefaultQuorumGrace
	}
	if o.WatchEvery == 0 {
		o.WatchEvery = DefaultWatchEvery
	}
	if o.Delays == nil {
		o.Delays = DefaultDelays
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Run sends until ctx ends, and watches for what is told of the log as a whole.
// Everything that is not delivered by then is told at the next start.
func (h *Hooks) Run(ctx context.Context) {
	h.mu.Lock()
	h.run = ctx
	for _, r := range *h.receivers.Load() {
		h.start(r)
	}
	h.mu.Unlock()
	h.watch(ctx)
	h.mu.Lock()
	h.run = nil
	h.mu.Unlock()
	h.working.Wait()
	h.metrics.close()
}

// start runs the worker of a receiver. The caller holds the lock.
func (h *Hooks) start(r *Receiver) {
	if h.run == nil {
		return
	}
	w := newWorker(h, r)
	ctx, stop := context.WithCancel(h.run)
	w.stop = stop
	h.workers[r.ID] = w
	h.working.Go(func() { w.work(ctx) })
}

// Kick has the workers look for what may be sent since something was published.
// It does not wait for them.
func (h *Hooks) Kick() {
	if all := h.receivers.Load(); len(*all) == 0 {
		return
	}
	counts := h.box.Counts()
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, w := range h.workers {
		if counts[id].Queued > 0 {
			w.wake()
		}
	}
}
