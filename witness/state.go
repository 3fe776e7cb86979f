package witness

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/storage/cas"
)

// state is a checkpoint row: a signed checkpoint as it is served, with the
// signature lines of the log that were verified, then those of the witness. The
// row is the state and the proof of it in one; there is no second format.
type state struct {
	row  []byte // nil if the witness never cosigned a checkpoint of the log
	note *checkpoint.Note
	cp   checkpoint.Checkpoint
}

func decodeState(row []byte) (*state, error) {
	// SPEC tlog-witness: the known size is "zero if it never cosigned a checkpoint
	// for that origin".
	if row == nil {
		return &state{cp: checkpoint.Checkpoint{Root: checkpoint.EmptyRoot()}}, nil
	}
	n, err := checkpoint.ParseNote(row)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint row: %w", err)
	}
	c, _, err := checkpoint.ParseExtended(n.Text)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint row: %w", err)
	}
	return &state{row: row, note: n, cp: c}, nil
}

// encodeState returns the row of a checkpoint body with its signature lines.
func encodeState(body, logLines, ours []byte) []byte {
	return slices.Concat(body, []byte("\n"), logLines, ours)
}

// ours returns the signature lines by the given keys that are stamped with one
// and the same second, if every key has one, else nil.
func (s *state) ours(keys []*checkpoint.Verifier, second time.Time) []byte {
	if s.note == nil {
		return nil
	}
	var lines []byte
	for _, k := range keys {
		i := slices.IndexFunc(s.note.Signatures, func(sig checkpoint.Signature) bool {
			return sig.Name == k.Name() && sig.KeyHash == k.KeyHash() && stamp(sig).Equal(second)
		})
		if i < 0 {
			return nil
		}
		lines = append(lines, s.note.Signatures[i].Line...)
	}
	return lines
}

// stamp returns the time in a cosignature. SPEC tlog-cosignature: a
// timestamped_signature begins with a big-endian u64 of POSIX seconds.
func stamp(sig checkpoint.Signature) time.Time {
	if len(sig.Value) < 8 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(sig.Value)), 0).UTC()
}

// Latest returns the checkpoint last cosigned of the log whose origin has the
// given hash, with the log's and the witness's signatures. It is durable. Where
// there is none, or the hash is none, the error is a refusal for the reason
// UnknownLog. The checkpoint of a log that was removed is still served.
func (w *Witness) Latest(hash string) ([]byte, error) {
	// I8: Get waits for a cosigning in progress, so that no signature is shown
	// before its state is durable.
	row, err := w.store.Get(checkpointRow + hash)
	if errors.Is(err, cas.ErrNotFound) {
		// SPEC tlog-witness: "If the witness has never cosigned a checkpoint for
		// that log, it MUST respond with a 404".
		return nil, refuse(UnknownLog, "this witness never cosigned a checkpoint of that log")
	} else if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	return row, nil
}

// status returns what the rows of a log say.
func (w *Witness) status(hash string, l Log) (Status, error) {
	row, err := w.store.Get(checkpointRow + hash)
	if err != nil && !errors.Is(err, cas.ErrNotFound) {
		return Status{}, fmt.Errorf("read checkpoint: %w", err)
	}
	st, err := decodeState(row)
	if err != nil {
		return Status{}, fmt.Errorf("log %q: %w", l.Origin, err)
	}
	s := Status{Log: l, Size: st.cp.Size}
	if row != nil {
		s.Root = base64.StdEncoding.EncodeToString(st.cp.Root[:])
		// The witness's lines stand last.
		s.Cosigned = stamp(st.note.Signatures[len(st.note.Signatures)-1])
	}
	_, err = w.store.Get(forkRow + hash)
	if s.Forked = err == nil; err != nil && !errors.Is(err, cas.ErrNotFound) {
		return Status{}, fmt.Errorf("read fork: %w", err)
	}
	return s, nil
}
