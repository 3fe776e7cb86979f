package audit

import (
	"context"
	"errors"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/retention"
)

// Log is a log as the wire shows it. *api.Client is one. All methods are
// called concurrently.
type Log interface {
	Checkpoint(ctx context.Context) ([]byte, error)
	Entries(ctx context.Context, index uint64, width uint16) ([]byte, error)
	Tile(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error)
	Bodies(ctx context.Context, first uint64, count int, visit func(api.Body) error) error
}

// Options say what to audit, and how. Policy, Log and Store are required.
type Options struct {
	Policy *policy.Policy
	Log    Log
	Store  Store
	// Others are other views of the same log: without the auditor's key, from
	// another place. What one is shown and another is not is a finding.
	Others []Log
	// Watch is what issuers know about themselves.
	Watch []Watch

	// Terms are the least that the log may promise; the zero value means
	// retention.DefaultTerms.
	Terms retention.Terms
	// Bodies says which bodies to ask for.
	Bodies Bodies
	// Sample is how many, for SampleBodies.
	Sample uint64

	// MaxAge is how old the latest cosignature may be; 0 means DefaultMaxAge.
	MaxAge time.Duration
	// CarryOut is within what time an erasure has to be carried out; 0 means
	// DefaultCarryOut.
	CarryOut time.Duration
	// Workers is how many requests run side by side; 0 means DefaultWorkers.
	Workers int

	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Pause waits; nil means to wait for real.
	Pause func(context.Context, time.Duration) error
	// Progress is told how far a run has come, on the goroutine of Run; nil
	// means nobody asks.
	Progress func(Progress)
	// Receipt is given every receipt whose body was verified, in the order of
	// the log, on the goroutine of Run: for reports. Nil means nobody asks.
	Receipt func(index uint64, r *receipt.Receipt)
}

// Bodies says which bodies an auditor asks for.
type Bodies int

const (
	AllBodies Bodies = iota
	SampleBodies
	NoBodies
)

// Defaults of [Options].
const (
	// DefaultMaxAge: logs publish every minute or so while nothing happens.
	DefaultMaxAge = time.Hour
	// DefaultCarryOut leaves an operator a day to be down.
	DefaultCarryOut = 24 * time.Hour
	// DefaultWorkers keeps a log on another continent busy, at 256 entries a
	// request.
	DefaultWorkers = 8
)

// Progress is how far a run has come.
type Progress struct {
	Step  string // "entries" or "bodies"
	Done  uint64
	Total uint64
}

// Auditor audits one log. It does one thing at a time: none of its methods may
// be called while another runs.
type Auditor struct {
	opts     Options
	ledger   *ledger
	state    *state
	follower *follower
	found    findings // about the log as a whole, and about bodies
	began    time.Time
}

// New takes up what the store holds, or begins anew.
func New(opts Options) (*Auditor, error) {
	if opts.Policy == nil || opts.Log == nil || opts.Store == nil {
		return nil, errors.New("audit: policy, log and store are required")
	}
	if opts.Terms == (retention.Terms{}) {
		opts.Terms = retention.DefaultTerms
	}
	if opts.MaxAge == 0 {
		opts.MaxAge = DefaultMaxAge
	}
	if opts.CarryOut == 0 {
		opts.CarryOut = DefaultCarryOut
	}
	if opts.Workers <= 0 {
		opts.Workers = DefaultWorkers
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Pause == nil {
		opts.Pause = pause
	}
	a := &Auditor{opts: opts, ledger: newLedger(opts.Store.Ledger())}
	if err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// Run follows the log to its latest checkpoint and makes the retention check.
// What the log did wrong is in the account. An error means that the store
// failed, or that ctx ended; a log that cannot be reached is no error, but an
// account that says so.
func (a *Auditor) Run(ctx context.Context) (*account.Account, error) {
	a.began = a.opts.Now()
	a.found.drop(ofNow)
	err := a.run(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return nil, errors.Join(cause, a.save())
	}
	if unheard, ok := errors.AsType[*unheardError](err); ok {
		return a.account(unheard.Error()), a.save()
	}
	if err != nil {
		return nil, err
	}
	return a.account(""), a.save()
}

func (a *Auditor) run(ctx context.Context) error {
	target, err := a.checkpoint(ctx)
	if err != nil || target == nil {
		return err
	}
	if ok, err := a.follow(ctx, target); err != nil || !ok {
		return err
	}
	if err := a.checkKept(ctx); err != nil {
		return err
	}
	return a.checkBodies(ctx)
}

// unheardError says that the log gave no answer, or none that makes sense.
type unheardError struct {
	what string
	err  error
}

func (e *unheardError) Error() string { return e.what + ": " + e.err.Error() }
func (e *unheardError) Unwrap() error { return e.err }

// unheard wraps a failure to get an answer.
func unheard(what string, err error) error { return &unheardError{what, err} }

func (a *Auditor) progress(step string, done, total uint64) {
	if a.opts.Progress != nil {
		a.opts.Progress(Progress{step, done, total})
	}
}

// pause waits for so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
