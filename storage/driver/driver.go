package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
)

// Options of a driver. The zero value is good for a log without witnesses.
type Options struct {
	// Cosign may add signature lines, such as witness cosignatures, to a signed
	// checkpoint before it is published, and returns the whole note. It may
	// block; ctx ends when the driver stops. If it fails nothing is published,
	// and publication is tried again after the checkpoint interval.
	Cosign func(ctx context.Context, size uint64, root [32]byte, signed []byte) ([]byte, error)

	// WithPublication may add rows to the batch that makes a checkpoint of that
	// size the published one, at that time. If it fails nothing is published.
	WithPublication func(b *kv.Batch, size uint64, at time.Time) error

	// Refused is asked before anything is signed. While it returns an error nothing
	// is, nothing is published, and it does not matter whether the tree extends what
	// was: reading goes on. nil: never.
	Refused func() error

	// OnPublish is called after each publication, in order, on the publisher's
	// goroutine: it must return soon.
	OnPublish func(size uint64, signed []byte)

	// Step is called when the publisher begins a step of its work, for traces, and
	// what it returns when that ends: StepPublish, and within its context StepSign,
	// StepCosign and StepStore. nil: nobody traces.
	Step func(ctx context.Context, name string) (within context.Context, end func(error))

	// Logger receives what goes wrong in the background; nil means silence.
	Logger *slog.Logger

	// Now is the clock for the time of publication; nil means time.Now.
	Now func() time.Time

	// MaxBatchLeaves and MaxBatchBytes bound one batch; 0 means
	// DefaultMaxBatchLeaves and DefaultMaxBatchBytes.
	MaxBatchLeaves int
	MaxBatchBytes  int

	// TileCacheBytes bounds the memory for recently read or written tiles; 0
	// means DefaultTileCacheBytes.
	TileCacheBytes int
}

// Names of the publisher's steps.
const (
	StepPublish = "publish"
	StepSign    = "sign"
	StepCosign  = "cosign"
	StepStore   = "store"
)

const (
	// DefaultMaxBatchLeaves bounds how long a batch takes, some 20 ms.
	DefaultMaxBatchLeaves = 16384

	// DefaultMaxBatchBytes keeps a batch well below half a memtable, beyond
	// which Pebble flushes it by itself.
	DefaultMaxBatchBytes = 8 << 20

	// DefaultTileCacheBytes holds the lowest tiles of half a million leaves.
	DefaultTileCacheBytes = 16 << 20
)

// ErrStopped is the error of every Add after the driver was stopped.
var ErrStopped = errors.New("log is stopped")

// Driver runs one log. Pass it to [tessera.NewAppender], once. Its methods are
// safe for concurrent use after that.
type Driver struct {
	*Reader
	db   *kv.DB
	opts Options

	started   atomic.Bool
	startErr  error
	queue     *queue
	sequencer *sequencer
	publisher *publisher
	running   sync.WaitGroup
	stopped   chan struct{} // closed when the appender's context ended
}

// New returns the driver of the log in db.
func New(db *kv.DB, opts Options) *Driver {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Refused == nil {
		opts.Refused = func() error { return nil }
	}
	if opts.Step == nil {
		opts.Step = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	if opts.MaxBatchLeaves <= 0 {
		opts.MaxBatchLeaves = DefaultMaxBatchLeaves
	}
	if opts.MaxBatchBytes <= 0 {
		opts.MaxBatchBytes = DefaultMaxBatchBytes
	}
	if opts.TileCacheBytes <= 0 {
		opts.TileCacheBytes = DefaultTileCacheBytes
	}
	return &Driver{db: db, opts: opts, stopped: make(chan struct{})}
}

// Appender implements the append lifecycle of Tessera's drivers. It reads the
// tree state, checks that the tiles on the right edge agree with it and that it
// is not behind the published checkpoint (ErrRollback, ErrCorrupt), publishes
// the checkpoint of an empty log if nothing was ever published, and starts.
// Tessera passes errors on as text; [Driver.StartErr] has the error itself.
//
// When ctx ends, what was accepted is still sequenced, and nothing more is
// published; wait for that with [Driver.Wait] before closing the database.
func (d *Driver) Appender(ctx context.Context, opts *tessera.AppendOptions) (*tessera.Appender, tessera.LogReader, error) {
	if d.started.Swap(true) {
		return nil, nil, errors.New("driver runs already")
	}
	if err := d.db.Guard(func() error { return d.load(ctx, opts) }); err != nil {
		d.startErr = fmt.Errorf("start log: %w", err)
		return nil, nil, d.startErr
	}
	d.start(ctx)
	return &tessera.Appender{Add: d.add}, d.Reader, nil
}

// StartErr returns the error of Appender, which errors.Is can look into.
func (d *Driver) StartErr() error { return d.startErr }

func (d *Driver) load(ctx context.Context, opts *tessera.AppendOptions) (err error) {
	if d.Reader, err = newReader(d.db, d.opts.TileCacheBytes); err != nil {
		return err
	}
	if d.sequencer, err = newSequencer(d.db, d.Reader, d.opts.MaxBatchBytes); err != nil {
		return err
	}
	d.queue = newQueue(d.opts.MaxBatchLeaves, d.opts.MaxBatchBytes, int(opts.PushbackMaxOutstanding()))
	d.publisher = newPublisher(d.db, cas.New(d.db), d.Reader, d.opts, opts)
	return d.publisher.begin(ctx)
}

func (d *Driver) start(ctx context.Context) {
	durable := make(chan *flight, maxFlights)
	d.running.Go(func() { d.sequence(durable) })
	d.running.Go(func() { d.settle(durable) })
	d.running.Go(func() { d.publisher.run(ctx) })
	d.running.Go(func() { d.publisher.keepThin(ctx) })
	d.running.Go(func() { d.watch(ctx) })
}

// watch ends the queue when the appender's context ends or the database fails.
func (d *Driver) watch(ctx context.Context) {
	select {
	case <-ctx.Done():
		close(d.stopped)
		d.queue.close(ErrStopped)
	case <-d.db.Failed():
		close(d.stopped)
		d.queue.fail(d.db.Err())
	}
}

// add is the tessera.AddFn. The future resolves when the entry is durable and
// integrated.
func (d *Driver) add(ctx context.Context, e *tessera.Entry) tessera.IndexFuture {
	return d.queue.add(e, recordsOf(ctx))
}

// Wait returns when the driver has stopped working on the database, after the
// context it was started with ended, or when the database has failed: then some
// of it may be stuck there.
func (d *Driver) Wait() {
	_ = d.db.Guard(func() error { d.running.Wait(); return nil })
}
