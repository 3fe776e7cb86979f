// Package storagetest is what tests of storage, and of what stands on it, share:
// a small log of receipts in which everything storage promises is used, a check
// of all those promises at once, and a file system that fails on purpose.
//
// [Ledger] does with storage what package log does, with plain strings for
// receipts. [Ledger.Verify] holds what is stored against what was acknowledged.
package storagetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
)

// Origin is the origin of every Ledger.
const Origin = "log.example/ledger"

// Keys sign the checkpoints of a Ledger.
type Keys struct {
	Signer   note.Signer
	Verifier note.Verifier
}

// NewKeys makes a key pair for Origin.
func NewKeys() Keys {
	var k Keys
	skey, vkey, err := note.GenerateKey(rand.Reader, Origin)
	if err == nil {
		k.Signer, err = note.NewSigner(skey)
	}
	if err == nil {
		k.Verifier, err = note.NewVerifier(vkey)
	}
	if err != nil {
		panic("storagetest: " + err.Error())
	}
	return k
}

// Config says how to open a Ledger.
type Config struct {
	Dir      string
	KV       kv.Options
	Driver   driver.Options
	Keys     Keys
	Interval time.Duration // of checkpoints; 0: 1 ms
}

// Ledger is a running log of receipts. It is safe for concurrent use.
type Ledger struct {
	DB       *kv.DB
	Driver   *driver.Driver
	Index    *index.Index
	Reader   tessera.LogReader
	verifier note.Verifier
	add      tessera.AddFn
	shutdown func(context.Context) error
	cancel   context.CancelFunc

	mu   sync.Mutex
	seen []byte // the last checkpoint that anybody could see
}

// OpenLedger opens a ledger, or creates it where cfg.KV says so.
func OpenLedger(cfg Config) (*Ledger, error) {
	cfg.KV.Origin = Origin
	db, err := kv.Open(cfg.Dir, cfg.KV)
	if err != nil {
		return nil, err
	}
	l := &Ledger{DB: db, Index: index.New(db), verifier: cfg.Keys.Verifier}
	cfg.Driver.OnPublish = l.published
	l.Driver = driver.New(db, cfg.Driver)
	if cfg.Interval == 0 {
		cfg.Interval = time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	opts := tessera.NewAppendOptions().WithCheckpointSigner(cfg.Keys.Signer).
		WithCheckpointInterval(cfg.Interval).WithPushback(1 << 20)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, l.Driver, opts)
	if err != nil {
		cancel()
		return nil, errors.Join(err, db.Close())
	}
	l.add, l.shutdown, l.Reader = appender.Add, shutdown, reader
	return l, nil
}

func (l *Ledger) published(_ uint64, signed []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = signed
}

// Seen returns the last checkpoint that anybody could see, or nil.
func (l *Ledger) Seen() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// Close stops the ledger cleanly; after a failure it lets go of it.
func (l *Ledger) Close() error {
	l.cancel()
	l.Driver.Wait()
	return l.DB.Close()
}

// Shutdown is the shutdown function of Tessera.
func (l *Ledger) Shutdown(ctx context.Context) error { return l.shutdown(ctx) }

// Run is the run id of a receipt: each three receipts share one.
func Run(receipt string) string { return "run of " + receipt[:len(receipt)-1] }

// Org is the organisation of a receipt.
func Org(receipt string) string { return fmt.Sprintf("org %d", len(receipt)%3) }

// Submission is a receipt on its way.
type Submission struct {
	Receipt string
	future  tessera.IndexFuture
}

// Submit adds a receipt and does not wait.
func (l *Ledger) Submit(ctx context.Context, receipt string) (*Submission, error) {
	var salt [32]byte
	rand.Read(salt[:])
	commitment := Commitment(salt, receipt)
	sealed, err := body.Seal(commitment, salt, []byte(receipt))
	if err != nil {
		return nil, err
	}
	handle, err := l.Index.Handle(Org(receipt))
	if err != nil {
		return nil, err
	}
	rows := &rows{ledger: l, receipt: receipt, handle: handle, sealed: sealed}
	entry := append(append([]byte(nil), commitment[:]...), handle[:]...)
	return &Submission{
		Receipt: receipt,
		future:  l.add(driver.WithRecords(ctx, rows), tessera.NewEntry(entry)),
	}, nil
}

// Wait returns the leaf of the receipt once it is durable there.
func (s *Submission) Wait() (leaf uint64, duplicate bool, err error) {
	i, err := s.future()
	return i.Index, i.IsDup, err
}

// Commitment is what an entry of the ledger begins with.
func Commitment(salt [32]byte, receipt string) [32]byte {
	return sha256.Sum256(append(salt[:], receipt...))
}

// rows are the records of a receipt.
type rows struct {
	ledger  *Ledger
	receipt string
	handle  index.Handle
	sealed  *body.Sealed
}

// Append implements [driver.Records].
func (r *rows) Append(b *kv.Batch, at uint64) error {
	x := r.ledger.Index
	leaf, claimed, err := x.Claim(b, sha256.Sum256([]byte(r.receipt)), at)
	if err != nil {
		return err
	}
	if !claimed {
		return &driver.Duplicate{Leaf: leaf}
	}
	r.sealed.Put(b, at)
	x.PutRun(b, Run(r.receipt), at, index.Owner{})
	return x.PutOrg(b, Org(r.receipt), r.handle)
}

// Size implements [driver.Sized].
func (r *rows) Size() int { return r.sealed.Size() + 256 }

// Logger writes what storage logs to w, for tests that want to see it.
func Logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
