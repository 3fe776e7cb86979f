package cosign

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
)

// RollbackError says that a witness remembers more of the log, or another log,
// than the log itself does (I5). The log must not sign: an old backup was
// restored, a copy is being run beside the original, or its data was changed.
type RollbackError struct {
	Witness string // names in the policy
	Size    uint64 // size that the witness cosigned
	Ours    uint64 // size of our tree
	Signed  []byte // the checkpoint, signed by the log: proof. Nil if it is the witness's bare word
}

func (e *RollbackError) Error() string {
	how := "has cosigned"
	if e.Signed == nil {
		how = "says that it has cosigned"
	}
	if e.Size > e.Ours {
		return fmt.Sprintf("witness %s %s this log at size %d, and our tree has only %d entries: our data is older than what was published", e.Witness, how, e.Size, e.Ours)
	}
	return fmt.Sprintf("witness %s %s another tree of this log at size %d than ours: our data is not what was published", e.Witness, how, e.Size)
}

// A log that starts waits so long for its witnesses to object: for all of them, or
// for a little longer than it takes a quorum to agree. Who is silent that long may
// object when it is asked to cosign.
const (
	compareTimeout = 5 * time.Second
	compareGrace   = 250 * time.Millisecond
)

// Begin lets all witnesses object to the tree of that size that the log named
// origin was found with, before anything leaves it. Cosign does so itself if
// nobody did before. It waits for all, or until a little after a quorum agreed, and
// not for long. It returns the [RollbackError] with which the log must not sign,
// and Cosign returns that from then on.
func (c *Cosigner) Begin(ctx context.Context, origin string, size uint64) error {
	return c.begin(ctx, checkpoint.Checkpoint{Origin: origin, Size: size})
}

// begin lets all witnesses object before the first checkpoint leaves.
func (c *Cosigner) begin(ctx context.Context, cp checkpoint.Checkpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun || c.refused != nil {
		return c.refused
	}
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	opinions := c.compareAll(ctx, cp.Origin, cp.Size, c.o.Last())
	agreed := make(map[string]bool)
	var enough <-chan time.Time
	for left := len(c.peers); left > 0; left-- {
		if enough == nil && c.o.Policy.Satisfied(agreed) {
			enough = time.After(compareGrace)
		}
		select {
		case o := <-opinions:
			if _, ok := errors.AsType[*RollbackError](o.err); ok {
				c.refused = o.err
				return o.err
			}
			for _, name := range o.peer.names {
				agreed[name] = o.err == nil
			}
		case <-enough:
			left = 1
		}
	}
	c.begun = ctx.Err() != context.Canceled // else the log stops, and nobody was asked
	return nil
}

// Refused returns why Cosign refuses for good, or nil. What to do is for a person:
// restore the data that the witnesses saw, or, where a witness lies, strike it
// from the policy; then start again.
func (c *Cosigner) Refused() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// object gives a witness that was silent when the log began another chance. Its
// bare word costs it its own vote; proof that it shows stops the log (I5).
func (p *peer) object(ctx context.Context, r *round) error {
	p.mu.Lock()
	agreed := p.agreed
	p.mu.Unlock()
	if agreed {
		return nil
	}
	err := p.compare(ctx, r.cp.Origin, r.cp.Size, p.c.o.Last(), r.prover)
	rollback, ok := errors.AsType[*RollbackError](err)
	if !ok {
		return nil // it does not say; its answer to the checkpoint will
	}
	if rollback.Signed != nil {
		p.c.mu.Lock()
		p.c.refused = err
		p.c.mu.Unlock()
	}
	return err
}

func (p *peer) agree(does bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.agreed = does
}

// Compare asks every witness what it cosigned last of the log named origin, and
// compares it with our durable tree of that size. It returns the [RollbackError]
// of each witness that knows better, joined, or nil. Witnesses that do not answer
// in time are passed over, with a warning in the log.
//
// last is the checkpoint that the log itself published last, nil if none: where a
// witness has no monitoring endpoint it is sent that, which tells a witness
// nothing new, for the size in its 409.
func (c *Cosigner) Compare(ctx context.Context, origin string, size uint64, last []byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.RequestTimeout)
	defer cancel()
	opinions := c.compareAll(ctx, origin, size, last)
	var objections []error
	for range c.peers {
		o := <-opinions
		if _, ok := errors.AsType[*RollbackError](o.err); ok {
			objections = append(objections, o.err)
		}
	}
	return errors.Join(objections...)
}

// compareAll asks all witnesses side by side. The channel gets one result of each
// until ctx ends, and has room for all.
func (c *Cosigner) compareAll(ctx context.Context, origin string, size uint64, last []byte) <-chan result {
	prover := proof.NewProver(c.o.Read, size)
	opinions := make(chan result, len(c.peers))
	for _, p := range c.peers {
		c.working.Go(func() {
			err := p.compare(ctx, origin, size, last, prover)
			if _, ok := errors.AsType[*RollbackError](err); err != nil && !ok {
				c.o.Logger.Warn("witness does not say what it cosigned last", "witness", p.label(), "err", err)
			}
			opinions <- result{peer: p, err: err}
		})
	}
	return opinions
}

func (p *peer) compare(ctx context.Context, origin string, size uint64, last []byte, prover *proof.Prover) error {
	signed, err := p.monitor(ctx, origin)
	switch {
	case err == nil:
		err = p.compareSigned(ctx, origin, size, signed, prover)
	case last != nil:
		err = p.compareWord(ctx, size, last)
	case errors.Is(err, errNothing):
		return nil // there is nothing on either side, or it serves no monitors
	}
	if err == nil {
		p.agree(true)
	}
	return err
}

// monitor fetches what the witness cosigned last. SPEC tlog-witness: "GET
// <monitoring prefix>/<origin hash>/checkpoint". A policy knows the submission
// prefix only; for most witnesses they are the same.
func (p *peer) monitor(ctx context.Context, origin string) ([]byte, error) {
	hash := sha256.Sum256([]byte(origin))
	at := strings.TrimSuffix(p.url, "/") + "/" + hex.EncodeToString(hash[:]) + "/checkpoint"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end, or of no use
	signed, err := io.ReadAll(io.LimitReader(resp.Body, MaxReplyBytes+1))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotFound {
		return nil, errNothing
	}
	if resp.StatusCode != http.StatusOK || len(signed) > MaxReplyBytes {
		return nil, fmt.Errorf("monitoring endpoint answered %d with %d bytes", resp.StatusCode, len(signed))
	}
	return signed, nil
}

// errNothing is a witness that serves no checkpoint of the log. SPEC tlog-witness:
// 404 "if the witness has never cosigned a checkpoint for that log", or it has no
// monitoring endpoint.
var errNothing = errors.New("monitoring endpoint has no checkpoint of this log")

// compareSigned compares a checkpoint with the witness's own cosignature.
func (p *peer) compareSigned(ctx context.Context, origin string, size uint64, signed []byte, prover *proof.Prover) error {
	note, err := checkpoint.ParseNote(signed)
	if err != nil {
		return err
	}
	// I5: our log writes no extension lines, but whoever else has its key may.
	c, _, err := checkpoint.ParseExtended(note.Text)
	if err != nil {
		return err
	}
	sigs, err := note.Verify(p.keys...)
	if err != nil {
		return err
	}
	if len(sigs) == 0 || c.Origin != origin {
		return errors.New("monitoring endpoint serves a checkpoint that is not of this log or not cosigned")
	}
	rollback := &RollbackError{Witness: p.label(), Size: c.Size, Ours: size}
	if byLog, err := note.Verify(p.c.logKeys...); err == nil && len(byLog) > 0 {
		rollback.Signed = signed // else the witness may have made it up
	}
	if c.Size > size { // I5
		return rollback
	}
	if err := p.c.o.Sizes.SetSize(p.url, c.Size); err != nil {
		return err
	}
	root, err := rootAt(ctx, p.c.o.Read, c.Size, size, prover)
	if err != nil {
		return err
	}
	if root != c.Root { // I5
		return rollback
	}
	return nil
}

// rootAt returns the root of our tree as it was at a size.
func rootAt(ctx context.Context, read proof.TileReader, at, size uint64, prover *proof.Prover) ([32]byte, error) {
	if at == size {
		return prover.Root(ctx)
	}
	return proof.Root(ctx, read, at)
}

// compareWord compares with the size that a witness says it knows.
func (p *peer) compareWord(ctx context.Context, size uint64, last []byte) error {
	cp, err := checkpoint.ParseSigned(last)
	if err != nil {
		return err
	}
	_, known, err := p.exchange(ctx, &round{cp: cp, signed: last}, 0)
	switch {
	case errors.Is(err, errConflict) && known > size: // I5
		return &RollbackError{Witness: p.label(), Size: known, Ours: size}
	case errors.Is(err, errConflict):
		return p.c.o.Sizes.SetSize(p.url, known)
	case errors.Is(err, ErrInconsistent): // I5
		return &RollbackError{Witness: p.label(), Size: cp.Size, Ours: size}
	}
	return err
}
