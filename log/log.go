package log

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/log/retention"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/log/step"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// Log is an open log. Its methods may be called concurrently.
type Log struct {
	opts      Options
	clock     func() time.Time
	logger    *slog.Logger
	resolver  did.Resolver
	policy    *policy.Policy // the log's own keys
	refused   atomic.Pointer[Refusal]
	frozen    bool // for good, since before it was opened
	witnesses witnesses
	metrics   *metrics

	db       *kv.DB
	driver   *driver.Driver
	index    *index.Index
	reserve  *kv.Reserve
	keeper   *retention.Keeper
	access   *access.Ring
	search   *search.Follower
	hooks    *webhook.Hooks
	appender *tessera.Appender
	shutdown func(context.Context) error // Tessera's
	stop     context.CancelFunc          // ends the driver

	issuers   map[string]*issuer // by DID; fixed at open
	orgs      *orgs
	published *publication

	keeping    sync.WaitGroup // the work of the keeper, the search index and the hooks, and looking after issuers
	publishing sync.Mutex     // held while a checkpoint is verified and shown
	making     step.Place     // of the publication under way; under publishing

	closing  atomic.Bool
	failOnce sync.Once
	failed   chan struct{}
	failure  error // set before failed is closed
}

// Create makes the data directory of a new log. It fails where there is one.
func Create(dir, origin string) error {
	db, err := kv.Open(dir, kv.Options{Create: true, Origin: origin})
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	return db.Close()
}

// Open opens the log in a data directory, recovers what a crash left, and starts.
// A log that must not sign (I5) is opened for reading: see [Log.Refused]. Open holds
// an exclusive lock on the directory until [Log.Close].
func Open(opts Options) (*Log, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{
		opts:      opts,
		clock:     opts.Clock,
		logger:    opts.Logger,
		resolver:  opts.Resolver,
		issuers:   make(map[string]*issuer),
		published: newPublication(),
		failed:    make(chan struct{}),
	}
	storage := opts.Storage
	storage.Create, storage.Origin, storage.Logger, storage.OnFatal = false, "", opts.Logger, l.fail // identify looks at the origin
	var err error
	if l.db, err = kv.Open(opts.Dir, storage); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err = l.identify(); err == nil {
		err = l.compare()
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", errors.Join(err, l.db.Close()))
	}
	if err := l.db.Guard(l.start); err != nil {
		return nil, fmt.Errorf("open log: %w", errors.Join(err, l.db.Close()))
	}
	return l, nil
}

// start runs the driver and takes up what the log knows already.
func (l *Log) start() (err error) {
	if l.index, err = l.openIndex(); err != nil {
		return err
	}
	l.orgs = newOrgs(l.index)
	if err := l.openSearch(); err != nil {
		return err
	}
	l.reserve = kv.NewReserve(l.db, l.opts.ReserveBytes, l.logger)
	if l.access, err = access.Open(l.db, access.Options{Now: l.clock, Rate: l.opts.KeyRate}); err != nil {
		return err
	}
	if l.metrics, err = newMetrics(l); err != nil {
		return err
	}
	if err := l.openHooks(); err != nil {
		return err
	}
	if err := l.openWitnesses(); err != nil {
		return err
	}
	options := driver.Options{
		Refused: l.Refused,
		Cosign:  l.cosign,
		WithPublication: func(b *kv.Batch, size uint64, at time.Time) error {
			return promise.Publish(l.db, b, size, at)
		},
		OnPublish: l.onPublish,
		Logger:    l.logger,
		Now:       l.clock,
	}
	if l.opts.Tracer != nil {
		options.Step = l.step
	}
	l.driver = driver.New(l.db, options)
	ctx, stop := context.WithCancel(context.Background())
	appender, shutdown, _, err := tessera.NewAppender(ctx, l.driver, l.appendOptions())
	if err != nil {
		stop()
		l.witnesses.close()
		return err
	}
	l.appender, l.shutdown, l.stop = appender, shutdown, stop
	if err = l.beginCosigning(ctx); err == nil {
		err = l.resume()
	}
	if err != nil {
		stop()
		l.driver.Wait()
		l.witnesses.close()
		return err
	}
	if l.Refused() == nil && !l.frozen {
		l.keep(ctx)
	}
	l.keepSearch(ctx)
	l.keeping.Go(func() { l.hooks.Run(ctx) })
	l.keeping.Go(func() { l.refreshIssuers(ctx) })
	return nil
}

func (l *Log) appendOptions() *tessera.AppendOptions {
	var more []note.Signer
	for _, s := range l.opts.Signers[1:] {
		more = append(more, s)
	}
	return tessera.NewAppendOptions().
		WithCheckpointSigner(l.opts.Signers[0], more...).
		WithCheckpointInterval(l.opts.CheckpointInterval).
		WithCheckpointRepublishInterval(l.opts.RepublishInterval).
		WithPushback(l.opts.MaxOutstanding).
		WithShutdownTimeout(l.opts.ShutdownTimeout).
		WithGarbageCollectionInterval(0) // the driver stores nothing twice
}

// resume takes up the published checkpoint and the issuers' documents.
func (l *Log) resume() error {
	if err := l.resumePublished(); err != nil {
		return err
	}
	for _, name := range l.opts.Issuers {
		i, err := newIssuer(name)
		if err == nil {
			err = i.load(l)
		}
		if err != nil {
			return fmt.Errorf("load document of %s: %w", name, err)
		}
		l.issuers[name] = i
	}
	return l.openKeeper()
}

// Origin is the log's name in its checkpoints.
func (l *Log) Origin() string { return l.db.Origin() }

// KeyTag tells this log from every other one in a few characters: the key ID of
// the first of its keys.
func (l *Log) KeyTag() string {
	v, err := checkpoint.NewVerifier(l.policy.Logs()[0].VKey)
	if err != nil {
		return "" // never: the policy was made of it
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, v.KeyHash()))
}

// Drain is the first half of Close: who waits for a checkpoint goes on waiting only
// while the quorum of witnesses stands, and gets ErrUnpublished once it does not.
// Receipts are still taken in.
func (l *Log) Drain() {
	l.driver.Hurry()
	l.witnesses.mu.Lock()
	defer l.witnesses.mu.Unlock()
	l.witnesses.draining = true
	l.giveUp()
}

// Access holds the API keys of this log.
func (l *Log) Access() *access.Ring { return l.access }

// Close finishes what was accepted: it takes nothing more in, waits until all
// that is sequenced is under a published checkpoint, and closes the database.
// While the quorum of witnesses is lost there is nothing to wait for: what is not
// published yet is durable, and is published after the next start.
// Where publishing takes longer than Options.ShutdownTimeout, or ctx ends, it is so
// too, and Close says that as an error.
func (l *Log) Close(ctx context.Context) error {
	if l.closing.Swap(true) {
		return nil
	}
	l.Drain()
	var err error
	if l.Failure() == nil && l.Refused() == nil && !l.frozen {
		err = l.publishLast(ctx)
	}
	l.stop()
	_ = l.db.Guard(func() error { l.keeping.Wait(); return nil })
	l.driver.Wait()
	l.witnesses.close()
	l.metrics.close()
	l.access.Close()
	return errors.Join(err, l.Failure(), l.db.Close())
}

// publishLast waits until everything is published, or nobody waits any more.
func (l *Log) publishLast(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.published.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := l.shutdown(ctx)
	select {
	case <-l.published.ended: // lost, refused, or failed, which Failure says
		return nil
	default:
	}
	if err != nil {
		return fmt.Errorf("publish the last entries: %w", err)
	}
	return nil
}

// Unpublished is how many entries are durable and not under a checkpoint that was
// published.
func (l *Log) Unpublished() uint64 {
	size, _ := l.driver.Tree()
	if p := l.Published(); p != nil && p.Size() < size {
		return size - p.Size()
	} else if p != nil {
		return 0
	}
	return size
}
