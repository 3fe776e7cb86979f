package cosign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
)

// ErrNoQuorum is returned by Cosign when the quorum did not come about.
var ErrNoQuorum = errors.New("the quorum of witnesses did not cosign")

// Cosigner asks the witnesses of one policy.
type Cosigner struct {
	o       Options
	peers   []*peer
	logKeys []*checkpoint.Verifier

	mu      sync.Mutex
	begun   bool  // all witnesses were given a chance to object
	refused error // why nothing is cosigned any more

	life    context.Context // of everything that outlasts a call of Cosign
	end     context.CancelFunc
	working sync.WaitGroup
}

// New returns the cosigner of a policy. The witnesses that it can ask must be
// able to meet the quorum.
func New(o Options) (*Cosigner, error) {
	c := &Cosigner{o: withDefaults(o)}
	client := &http.Client{
		Transport: c.o.Transport,
		// A witness is where the policy says, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, l := range o.Policy.Logs() {
		v, err := checkpoint.NewVerifier(l.VKey)
		if err != nil {
			return nil, fmt.Errorf("log %q: %w", l.Origin, err)
		}
		c.logKeys = append(c.logKeys, v)
	}
	reachable := make(map[string]bool)
	for _, w := range o.Policy.Witnesses() {
		if w.URL == "" {
			c.o.Logger.Warn("witness has no url and is not asked", "witness", w.Name)
			continue
		}
		v, err := checkpoint.NewVerifier(w.VKey)
		if err != nil {
			return nil, fmt.Errorf("witness %q: %w", w.Name, err)
		}
		if _, err := url.ParseRequestURI(w.URL); err != nil {
			return nil, fmt.Errorf("witness %q: %w", w.Name, err)
		}
		reachable[w.Name] = true
		c.peer(w.URL, client).add(w.Name, v)
	}
	if !o.Policy.Satisfied(reachable) {
		return nil, fmt.Errorf("the policy wants %s, which the witnesses with a url cannot meet", o.Policy.Quorum())
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// peer returns the peer at that URL, and adds one if there is none.
func (c *Cosigner) peer(url string, client *http.Client) *peer {
	i := slices.IndexFunc(c.peers, func(p *peer) bool { return p.url == url })
	if i >= 0 {
		return c.peers[i]
	}
	p := &peer{c: c, url: url, client: client}
	c.peers = append(c.peers, p)
	return p
}

// Close ends everything that still runs and waits for it. Cosign must not be
// called any more.
func (c *Cosigner) Close() {
	c.end()
	c.working.Wait()
}

// Cosign has the log's signed checkpoint cosigned and returns it with the
// cosignature lines that made the quorum and those that came before it stood. It
// has the form that the storage driver wants of its Cosign option. Without a
// quorum the error wraps [ErrNoQuorum] and says what became of each witness.
func (c *Cosigner) Cosign(ctx context.Context, size uint64, root [32]byte, signed []byte) ([]byte, error) {
	cp, err := checkpoint.ParseSigned(signed)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	if cp.Size != size || cp.Root != root {
		return nil, errors.New("cosign: the signed checkpoint is of another tree")
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Patience)
	defer cancel()
	if err := c.begin(ctx, cp); err != nil {
		return nil, err
	}
	r := &round{
		trace:  trace.SpanFromContext(ctx),
		cp:     cp,
		signed: signed,
		prover: proof.NewProver(c.o.Read, size),
		done:   make(chan result, len(c.peers)),
	}
	for _, p := range c.peers {
		p.give(r)
	}
	return c.gather(ctx, r)
}

// round is one checkpoint on its way through the witnesses.
type round struct {
	trace  trace.Span // what the requests to witnesses are steps of
	cp     checkpoint.Checkpoint
	signed []byte
	prover *proof.Prover
	done   chan result // has room for one result of each peer

	mu   sync.Mutex
	over bool // Cosign has returned: what comes now is late
}

// result is what became of one peer in a round.
type result struct {
	peer  *peer
	lines []byte
	names []string // names in the policy whose keys signed
	err   error
}

// gather collects results until the quorum stands or there is nobody left.
func (c *Cosigner) gather(ctx context.Context, r *round) ([]byte, error) {
	signed := slices.Clone(r.signed)
	cosigned := make(map[string]bool)
	var failures []error
	for left := len(c.peers); left > 0 && !c.o.Policy.Satisfied(cosigned); left-- {
		select {
		case res := <-r.done:
			if res.err != nil {
				failures = append(failures, fmt.Errorf("witness %s: %w", res.peer.label(), res.err))
				continue
			}
			signed = append(signed, res.lines...)
			for _, name := range res.names {
				cosigned[name] = true
			}
		case <-ctx.Done():
			failures = append(failures, fmt.Errorf("%d witnesses have not answered: %w", left, context.Cause(ctx)))
			left = 1
		}
	}
	signed = append(signed, c.close(r)...)
	if err := c.Refused(); err != nil {
		return nil, err // I5: a witness has proved it meanwhile
	}
	if c.o.Policy.Satisfied(cosigned) {
		return signed, nil
	}
	err := fmt.Errorf("%w: %s is wanted: %w", ErrNoQuorum, c.o.Policy.Quorum(), errors.Join(failures...))
	if c.o.FailOpen && ctx.Err() != context.Canceled {
		c.o.Logger.Error("PUBLISHING WITHOUT A QUORUM, as configured", "size", r.cp.Size, "err", err)
		return signed, nil
	}
	return nil, err
}

// close ends a round and returns what came in at the last moment. From now on
// results are late.
func (c *Cosigner) close(r *round) (lines []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for {
		select {
		case res := <-r.done:
			lines = append(lines, res.lines...)
		default:
			return lines
		}
	}
}

// deliver hands over a result: to Cosign while it waits, else to Options.Late.
func (c *Cosigner) deliver(r *round, res result) {
	r.mu.Lock()
	if !r.over {
		defer r.mu.Unlock()
		r.done <- res
		return
	}
	r.mu.Unlock()
	if len(res.lines) != 0 {
		c.o.Late(r.cp, res.lines)
	}
}
