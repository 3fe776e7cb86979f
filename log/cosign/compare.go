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
	"sync"

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
	Signed  []byte // the cosigned checkpoint, proof of it; nil if it is the witness's bare word
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

// Compare asks every witness what it cosigned last of the log named origin, and
// compares it with our durable tree of that size. It returns the [RollbackError]
// of each witness that knows better, joined, or nil. Witnesses that do not answer
// in time are passed over, with a warning in the log.
//
// last is the checkpoint that the log itself published last, nil if none: where a
// witness has no monitoring endpoint it is sent that, which tells a witness
// nothing new, for the size in its 409.
func (c *Cosigner) Compare(ctx context.Context, origin string, size uint64, last []byte) error {
	prover := proof.NewProver(c.o.Read, size)
	errs := make([]error, len(c.peers))
	var all sync.WaitGroup
	for i, p := range c.peers {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, c.o.RequestTimeout)
			defer cancel()
			err := p.compare(ctx, origin, size, last, prover)
			if _, ok := errors.AsType[*RollbackError](err); err != nil && !ok {
				c.o.Logger.Warn("witness does not say what it cosigned last", "witness", p.label(), "err", err)
				err = nil
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (p *peer) compare(ctx context.Context, origin string, size uint64, last []byte, prover *proof.Prover) error {
	signed, err := p.monitor(ctx, origin)
	if err == nil {
		return p.compareSigned(ctx, origin, size, signed, prover)
	}
	if last == nil {
		return err
	}
	return p.compareWord(ctx, size, last)
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
	if resp.StatusCode != http.StatusOK || len(signed) > MaxReplyBytes {
		return nil, fmt.Errorf("monitoring endpoint answered %d with %d bytes", resp.StatusCode, len(signed))
	}
	return signed, nil
}

// compareSigned compares a checkpoint with the witness's own cosignature.
func (p *peer) compareSigned(ctx context.Context, origin string, size uint64, signed []byte, prover *proof.Prover) error {
	note, err := checkpoint.ParseNote(signed)
	if err != nil {
		return err
	}
	c, err := checkpoint.Parse(note.Text)
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
	rollback := &RollbackError{Witness: p.label(), Size: c.Size, Ours: size, Signed: signed}
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
