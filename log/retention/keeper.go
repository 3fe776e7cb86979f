package retention

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// Log is what a keeper needs of the log that it keeps.
type Log interface {
	// Append puts an entry with its rows into the sequencer's queue. What it
	// returns waits until both are durable, and then says at which index.
	Append(data []byte, r driver.Records) (durable func() (uint64, error))
	// AwaitPublished returns once the entry is under a published checkpoint.
	AwaitPublished(ctx context.Context, index uint64) error
	// PublishedSize is the size of the published tree.
	PublishedSize() uint64
	// Refused returns why nothing may be appended or destroyed, or nil.
	Refused() error
	// Entries returns the durable entries of a bundle.
	Entries(ctx context.Context, bundle uint64) ([][]byte, error)
	// Unlist takes receipts, by their indices, out of what is searched, in the
	// batch b in which they are destroyed, and has it committed by commit.
	Unlist(b *kv.Batch, gone map[uint64]*receipt.Receipt, commit func() error) error
}

// Options say what a log promises at least, and how it goes about its work. The
// zero value means the defaults.
type Options struct {
	// Terms are the operator's floor and the notice that shortenings give.
	Terms rules.Terms
	// Interval is the time between sweeps; 0 means DefaultInterval.
	Interval time.Duration
	// ScrubEvery is the least time between scrubs, each of which rewrites some
	// files; 0 means DefaultScrubEvery. A request for erasure waits for it too.
	ScrubEvery time.Duration
	// Paused appends promises and erasures and carries nothing out, for an
	// operator who has to look into something first.
	Paused bool
	// OnDone, if there is one, adds to the batch that notes that an erasure, of an
	// organisation by its handle, is carried out.
	OnDone func(b *kv.Batch, index uint64, org string) error
	// Now tells the time; nil means time.Now. Logger may be nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Defaults of [Options].
const (
	DefaultInterval   = time.Minute
	DefaultScrubEvery = time.Minute
)

// Keeper keeps the promises of one log.
type Keeper struct {
	db    *kv.DB
	index *index.Index
	log   Log
	opts  Options

	// order is held by who appends an entry that governs what is kept, from
	// judging it until it is durable: they come one after another, each judged
	// by all before it. It is taken before mu.
	order sync.Mutex

	// mu orders promises: receipts are put into the sequencer's queue, and
	// bodies destroyed, under the read lock; rules and holds are appended under
	// the write lock. So what the machine says while the read lock is held is
	// what the rules and holds before say. Erasures change no promise: whoever
	// submits does not wait for them.
	mu      sync.RWMutex
	state   *rules.State
	pending pending
	unbegun []uint64 // rules that were not published yet
	holds   int      // how many hold entries there are

	entries  reader
	kick     chan struct{}
	promised atomic.Uint64 // receipts since the start

	// For the follower alone.
	sweepAfter promise.Row
	gathered   map[string][]uint64 // what a sweep has found to be due, by organisation
	sifted     map[uint64]rules.Promise
	at         place          // how far the act has come
	alone      bool           // the last batch failed: one erasure at a time
	held       map[uint64]int // erasures of which only what is held is left, and how many hold entries there were then
	scrubbed   time.Time      // when last
	soiled     time.Time      // when the first body was destroyed since; or zero
}

// Open takes up what the log has promised.
func Open(db *kv.DB, x *index.Index, log Log, opts Options) (*Keeper, error) {
	if opts.Terms == (rules.Terms{}) {
		opts.Terms = rules.DefaultTerms
	}
	if opts.Interval == 0 {
		opts.Interval = DefaultInterval
	}
	if opts.ScrubEvery == 0 {
		opts.ScrubEvery = DefaultScrubEvery
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{db: db, index: x, log: log, opts: opts, state: rules.New(rules.Terms{}),
		pending: newPending(), kick: make(chan struct{}, 1),
		gathered: make(map[string][]uint64), sifted: make(map[uint64]rules.Promise), held: make(map[uint64]int)}
	k.entries.log = log
	if err := k.resume(); err != nil {
		return nil, fmt.Errorf("take up what was promised: %w", err)
	}
	return k, nil
}

// resume runs the machine over the governing entries. They were held to the
// terms of their day when they were appended, and carry them.
func (k *Keeper) resume() error {
	ctx := context.Background()
	err := promise.Governing(k.db, func(at uint64, kind byte) error {
		if kind == promise.Erasure {
			return nil
		}
		e, err := k.entries.entry(ctx, at)
		if err != nil {
			return err
		}
		k.apply(at, e)
		return nil
	})
	if err != nil {
		return err
	}
	open, err := promise.Pending(k.db)
	if err != nil {
		return err
	}
	for _, at := range open {
		e, err := k.entries.entry(ctx, at)
		if err != nil {
			return err
		}
		erasure, ok := e.(entry.Erasure)
		if !ok {
			return fmt.Errorf("pending entry %d is of kind %s", at, e.Kind())
		}
		k.pending.put(at, &erasure)
	}
	return k.begin()
}

// apply makes an entry of the log count.
func (k *Keeper) apply(at uint64, e entry.Entry) {
	for _, b := range k.state.Apply(at, e, rules.Window{Pending: true}) {
		// An auditor will say so too.
		k.opts.Logger.Error("an entry of this log does not count", "index", at, "code", b.Code, "detail", b.Detail)
	}
	switch e.Kind() {
	case entry.KindRules:
		k.unbegun = append(k.unbegun, at)
	case entry.KindHold:
		k.holds++
	}
}

// begin lets notice run for rules that have been published.
func (k *Keeper) begin() error {
	var still []uint64
	for _, at := range k.unbegun {
		published, err := promise.PublishedAt(k.db, at)
		if err != nil {
			return err
		}
		if published.IsZero() {
			still = append(still, at)
			continue
		}
		k.state.Published(at, published)
	}
	k.unbegun = still
	return nil
}

// Promise calls use with what a receipt of the organisation (a handle) is
// promised if it is logged at that time. use must put the receipt into the
// sequencer's queue before it returns, and must not wait for anything. event is
// asked for the date that the receipt itself gives, where the rules leave it to
// the receipt.
func (k *Keeper) Promise(org string, at time.Time, event func() time.Time, use func(retain string) error) error {
	k.promised.Add(1)
	k.mu.RLock()
	defer k.mu.RUnlock()
	var on time.Time
	if k.state.InForce(org, ^uint64(0)).AsksReceipt() {
		on = event()
	}
	return use(k.state.Retain(org, at, on))
}

// now is the time that is written into entries.
func (k *Keeper) now() time.Time { return k.opts.Now().UTC().Truncate(time.Second) }

// wake makes the follower look for work at once.
func (k *Keeper) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}
