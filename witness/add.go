package witness

import (
	"bytes"
	"context"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/storage/kv"
)

// AddCheckpoint answers an add-checkpoint request: it returns the signature lines
// of the reply, one for each key, or a *RefusedError. When it returns lines, the
// checkpoint they are on is durably the latest of its log.
//
// The order of the checks is that of SPEC tlog-witness.
func (w *Witness) AddCheckpoint(ctx context.Context, body []byte) ([]byte, error) {
	req, err := ParseAddRequest(body)
	if err != nil {
		return nil, err
	}
	l, err := w.lookup(req.Checkpoint.Origin)
	if err != nil {
		return nil, err
	}
	logLines, err := w.verifyLog(req.Note, l)
	if err != nil {
		return nil, err
	}
	// SPEC tlog-witness: "The old size MUST be equal to or lower than the
	// checkpoint size. Otherwise [...] 400".
	if req.OldSize > req.Checkpoint.Size {
		return nil, refuse(Malformed, "old size %d is beyond the checkpoint of size %d", req.OldSize, req.Checkpoint.Size)
	}
	if err := ctx.Err(); err != nil {
		return nil, err // nobody waits for the answer; spare the signatures
	}
	return w.advance(req, l, logLines)
}

// advance is the one place where checkpoint rows are written.
//
// I8: from the look at the old size to the durable new state nobody else looks
// or writes, and the lines are returned after that.
func (w *Witness) advance(req *AddRequest, l *Log, logLines []byte) ([]byte, error) {
	hash := HashOrigin(l.Origin)
	var lines []byte
	var forked *state
	err := w.store.Update(checkpointRow+hash, func(_ *kv.Batch, row []byte) ([]byte, error) {
		last, err := decodeState(row)
		if err != nil {
			return nil, err
		}
		if err := checkStep(req, last); err != nil {
			if forks(req.Checkpoint, last) {
				forked = last
			}
			return nil, err
		}
		if lines = w.repeat(req, last); lines != nil {
			return nil, nil
		}
		if err := w.allow(hash, l); err != nil {
			return nil, err
		}
		if lines, err = w.Keys().cosign(req.Note.Text); err != nil {
			return nil, err
		}
		return encodeState(req.Note.Text, logLines, lines), nil
	})
	if forked != nil {
		w.recordFork(hash, forked, req, logLines)
	}
	if err != nil {
		return nil, err
	}
	return lines, nil
}

// checkStep checks that the requested checkpoint may follow the last one.
func checkStep(req *AddRequest, last *state) error {
	c := req.Checkpoint
	// SPEC tlog-witness: "The witness MUST check that the old size matches the
	// size of the latest checkpoint it cosigned [...] 409".
	if req.OldSize != last.cp.Size {
		return &RefusedError{Reason: Conflict, Size: last.cp.Size, Detail: "old size is not the size last cosigned"}
	}
	// SPEC tlog-witness: "A checkpoint of size zero MUST have the root hash of the
	// empty tree [...] 422".
	if c.Size == 0 && c.Root != checkpoint.EmptyRoot() {
		return refuse(Inconsistent, "size 0 wants the root hash of the empty tree")
	}
	// SPEC tlog-witness: "If the old size is zero, the consistency proof MUST be
	// empty [...] 422".
	if req.OldSize == 0 {
		if len(req.Proof) != 0 {
			return refuse(Inconsistent, "old size 0 wants no proof")
		}
		return nil
	}
	// SPEC tlog-witness: "If the old size matches the checkpoint size, the witness
	// MUST check that the root hashes are also identical [...] 422".
	if req.OldSize == c.Size && c.Root != last.cp.Root {
		return refuse(Inconsistent, "another root hash was cosigned for size %d", c.Size)
	}
	if err := proof.VerifyConsistency(req.OldSize, c.Size, last.cp.Root, c.Root, req.Proof); err != nil {
		return refuse(Inconsistent, "the proof from size %d to %d does not verify", req.OldSize, c.Size)
	}
	return nil
}

// repeat returns the lines of the last answer if the same checkpoint was cosigned
// in this very second, by the keys there are now: signing again would say
// nothing new. It makes replays of a public checkpoint cheap.
func (w *Witness) repeat(req *AddRequest, last *state) []byte {
	if last.note == nil || !bytes.Equal(last.note.Text, req.Note.Text) {
		return nil
	}
	return last.ours(w.Keys().verifiers(), w.opts.Now().Truncate(time.Second))
}

// burstOfDay is the part of a day's agreed requests that may come at once: an hour.
const burstOfDay = 24

// allow takes one cosignature from what the log may have.
func (w *Witness) allow(hash string, l *Log) error {
	perSecond, burst := w.opts.PerLogPerSecond, w.opts.PerLogBurst
	if l.PerDay != 0 {
		perSecond = float64(l.PerDay) / (24 * time.Hour).Seconds()
		burst = max(w.opts.PerLogBurst, int(min(l.PerDay/burstOfDay, 1<<20)))
	}
	b := w.limits.getOr(hash, func() *bucket { return new(bucket) })
	if wait, ok := b.take(w.opts.Now(), perSecond, burst); !ok {
		return &RefusedError{Reason: TooMany, RetryAfter: wait, Detail: "this log asks more often than agreed"}
	}
	return nil
}
