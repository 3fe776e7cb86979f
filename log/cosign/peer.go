package cosign

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/log/step"
)

// errSuperseded is what becomes of a checkpoint that waited for a busy witness
// until there was a newer one.
var errSuperseded = errors.New("it was busy until there was a newer checkpoint")

// peer is a witness as the log sees it: a URL and the keys that answer there.
type peer struct {
	c      *Cosigner
	url    string // submission prefix, as in the policy
	client *http.Client
	names  []string // in the policy, one of each key
	keys   []*checkpoint.Verifier

	mu      sync.Mutex
	agreed  bool   // it has shown that it knows no more of the log than the log
	running bool   // a worker is at work
	waiting *round // what it takes up next; the newest only
	status  Status
}

func (p *peer) add(name string, v *checkpoint.Verifier) {
	p.names = append(p.names, name)
	p.keys = append(p.keys, v)
}

func (p *peer) label() string { return strings.Join(p.names, "+") }

// give gives the peer a round to work on, at once or when it is free. The
// round's result is delivered exactly once.
func (p *peer) give(r *round) {
	p.mu.Lock()
	dropped := p.waiting
	p.waiting = r
	if !p.running {
		p.running = true
		p.c.working.Go(p.work)
	}
	p.mu.Unlock()
	if dropped != nil {
		p.c.deliver(dropped, result{peer: p, err: errSuperseded})
	}
}

// work takes up rounds until there is none. One request runs at a time: two of
// one log would only race each other at the witness.
func (p *peer) work() {
	for {
		p.mu.Lock()
		r := p.waiting
		p.waiting = nil
		p.running = r != nil
		p.mu.Unlock()
		if r == nil {
			return
		}
		res := p.ask(r)
		p.note(r, res.err)
		p.c.deliver(r, res)
	}
}

// ask has one checkpoint cosigned by this witness.
func (p *peer) ask(r *round) (res result) {
	ctx, cancel := context.WithTimeout(trace.ContextWithSpan(p.c.life, r.trace), p.c.o.RequestTimeout)
	defer cancel()
	ctx, asked := step.Start(ctx, "ask witness")
	asked.Name("witness", p.label())
	defer func() { asked.End(res.err) }()
	if err := p.object(ctx, r); err != nil {
		return result{peer: p, err: err}
	}
	lines, names, err := p.cosign(ctx, r)
	switch {
	case err == nil:
		p.agree(true)
	case errors.Is(err, ErrAhead), errors.Is(err, ErrInconsistent):
		// I5: a copy of this log may run beside it. See whether the witness can
		// prove what it says.
		p.agree(false)
		if objection := p.object(ctx, r); objection != nil {
			err = objection
		}
	}
	return result{peer: p, lines: lines, names: names, err: err}
}

// note keeps what the operator may want to know.
func (p *peer) note(r *round, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.status
	if err == nil {
		if !s.FailingSince.IsZero() {
			p.c.o.Logger.Info("witness cosigns again", "witness", p.label(), "after", p.c.o.Now().Sub(s.FailingSince).Round(time.Second))
		}
		s.Size, s.Cosigned, s.FailingSince, s.Err = r.cp.Size, p.c.o.Now(), time.Time{}, nil
		return
	}
	if p.c.life.Err() != nil {
		return // we hung up
	}
	if s.FailingSince.IsZero() {
		s.FailingSince = p.c.o.Now()
		p.c.o.Logger.Warn("witness does not cosign", "witness", p.label(), "size", r.cp.Size, "err", err)
	}
	s.Err = err
}

// Status is what became of one witness lately.
type Status struct {
	Names        []string  // in the policy, one of each key
	URL          string    // as in the policy
	Size         uint64    // of the checkpoint it cosigned last, in this process
	Cosigned     time.Time // when; zero if never
	FailingSince time.Time // zero while it cosigns
	Err          error     // why it last did not
}

// Witnesses returns the status of each witness that is asked, in the order of the
// policy.
func (c *Cosigner) Witnesses() []Status {
	all := make([]Status, len(c.peers))
	for i, p := range c.peers {
		p.mu.Lock()
		all[i] = p.status
		p.mu.Unlock()
		all[i].Names, all[i].URL = p.names, p.url
	}
	return all
}
