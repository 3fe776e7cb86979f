package witness

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/storage/cas"
)

// forks reports whether two checkpoints that the log signed cannot both be of one
// tree: same size, other root. It says nothing of different sizes, where a bad
// proof may be the fault of whoever sent it.
func forks(c checkpoint.Checkpoint, last *state) bool {
	return last.row != nil && c.Size == last.cp.Size && c.Root != last.cp.Root
}

// recordFork keeps the proof that a log signed two trees, the first time it
// happens. SPEC tlog-witness: the witness "MAY log the request even if the
// checkpoint fails one of the consistency checks [...], as it might be proof of
// log misbehavior". The row is both signed checkpoints, the cosigned one first,
// each preceded by its length in bytes as a decimal line.
func (w *Witness) recordFork(hash string, last *state, req *AddRequest, logLines []byte) {
	other := encodeState(req.Note.Text, logLines, nil)
	row := fmt.Appendf(nil, "%d\n%s%d\n%s", len(last.row), last.row, len(other), other)
	err := w.store.Replace(forkRow+hash, nil, row)
	if errors.Is(err, cas.ErrConflict) {
		return // already on record
	}
	w.opts.OnFork()
	w.log.Error("log has signed two trees of one size", "origin", req.Checkpoint.Origin, "size", req.Checkpoint.Size,
		"cosigned", base64.StdEncoding.EncodeToString(last.cp.Root[:]), "refused", base64.StdEncoding.EncodeToString(req.Checkpoint.Root[:]))
	if err != nil {
		w.log.Error("cannot keep the proof of it", "err", err)
	}
}

// Fork returns the proof that the log whose origin has the given hash signed two
// trees of one size, or nil if there is none.
func (w *Witness) Fork(hash string) ([]byte, error) {
	row, err := w.store.Get(forkRow + hash)
	if errors.Is(err, cas.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read fork: %w", err)
	}
	return row, nil
}
