package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// fatal is the failed state of a database: entered once, never left. It also
// is the logger that Pebble reports to, since some of Pebble's failures come by
// way of Fatalf only.
type fatal struct {
	logger  *slog.Logger
	onFatal func(error)

	opening atomic.Bool // nobody was promised anything yet

	once   sync.Once
	failed chan struct{}
	err    error // set before failed is closed
}

func newFatal(opts Options) *fatal {
	return &fatal{logger: opts.Logger, onFatal: opts.OnFatal, failed: make(chan struct{})}
}

// fail enters the failed state with err, unless it was entered before, and
// returns the error it was entered with.
func (f *fatal) fail(err error) error {
	f.once.Do(func() {
		f.err = fmt.Errorf("database failed, restart to recover: %w", err)
		close(f.failed)
		f.logger.Error("database failed", "err", err.Error()) // not with a stack, as %+v has it
		if f.onFatal != nil {
			go f.onFatal(f.err)
		}
	})
	return f.err
}

// get returns the error of the failed state, or nil.
func (f *fatal) get() error {
	select {
	case <-f.failed:
		return f.err
	default:
		return nil
	}
}

func (f *fatal) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: f.background,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			f.logger.Error("data corruption", "path", info.Path, "detail", fmt.Sprint(info.Details))
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			f.logger.Warn("writes stalled", "reason", info.Reason)
		},
	}
}

// background is told of failed flushes and compactions, which Pebble starts
// again at once, and would for ever. While the database is being opened nothing
// is tried again: an operator is there, and better told than left waiting.
func (f *fatal) background(err error) {
	if passes(err) && !f.opening.Load() {
		f.logger.Error("flush or compaction failed, will try again", "err", err.Error())
		time.Sleep(backgroundRetry)
		return
	}
	_ = f.fail(err) // whoever calls next gets it
	runtime.Goexit()
}

// backgroundRetry keeps background work that cannot succeed for now from using
// a whole processor. Pebble's central lock is held that long, which delays
// changes of memtables, not reads.
const backgroundRetry = 100 * time.Millisecond

// passes tells failures of background work that leave the database as good as
// it was: there is no room for the result, or a block of the input is rotten,
// which concerns who reads that block and the operator.
func passes(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || pebble.IsCorruptionError(err)
}

// Infof implements [pebble.Logger].
func (f *fatal) Infof(format string, args ...any) {
	f.logger.Debug(fmt.Sprintf(format, args...))
}

// Errorf implements [pebble.Logger].
func (f *fatal) Errorf(format string, args ...any) {
	f.logger.Error(fmt.Sprintf(format, args...))
}

// Fatalf implements [pebble.Logger]. It must not return, for Pebble does not
// expect to go on. It stops the goroutine where it stands, with whatever locks
// it holds: if they were let go, others of Pebble's would go on from a version
// that is half installed. The goroutine is one of Pebble's, the committer, or
// one of guard; whoever waits for it watches Failed too.
func (f *fatal) Fatalf(format string, args ...any) {
	_ = f.fail(fmt.Errorf(format, args...))
	select {}
}

// guard runs call, and returns early if the database fails meanwhile: Pebble's
// calls may wait for a goroutine that will never come back then.
func (f *fatal) guard(call func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil { // some of Pebble's failures come so
				done <- f.fail(fmt.Errorf("%v", r))
			}
		}()
		done <- call()
	}()
	select {
	case err := <-done:
		return err
	case <-f.failed:
		return f.err
	}
}

// Guard runs call, and returns early with the database's error once that has
// failed. For Pebble stops where it failed, with its locks: who reads at that
// moment may wait for one of them for ever, and call is then left behind.
func (db *DB) Guard(call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-db.fatal.failed:
	}
	select {
	case err := <-done:
		return err
	case <-time.After(guardGrace):
		return db.fatal.err
	}
}

// guardGrace is how long Guard waits for what is under way when the database
// fails: most of it ends at once, and with the same error.
const guardGrace = time.Second

// Failed is closed when the database enters its failed state.
func (db *DB) Failed() <-chan struct{} { return db.fatal.failed }

// Err is nil until the database fails, and the cause of that afterwards.
func (db *DB) Err() error { return db.fatal.get() }
