package witness

import (
	"errors"
	"fmt"
	"strings"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// Checked counts what [Witness.Check] looked at.
type Checked struct {
	Logs, Checkpoints, Forks int
}

// Check verifies every row: that it can be read and stands in its place, that a
// checkpoint is signed by its log, and cosigned by this witness or by a key that
// it once had. It calls damaged for each row that is not so.
//
// A checkpoint whose log has dropped or changed its keys cannot be verified
// against them and is taken on the witness's own word.
func (w *Witness) Check(once []*checkpoint.Verifier, damaged func(row string, err error)) (Checked, error) {
	var done Checked
	known := append(w.Keys().verifiers(), once...)
	err := w.store.Names("", func(name string, value []byte) error {
		var err error
		switch kind, hash, _ := strings.Cut(name, "/"); kind + "/" {
		case logRow:
			done.Logs++
			err = checkLogRow(hash, value)
		case checkpointRow:
			done.Checkpoints++
			err = w.checkState(hash, value, known)
		case forkRow:
			done.Forks++
		default:
			err = errors.New("row of an unknown kind")
		}
		if err != nil {
			damaged(name, err)
		}
		return nil
	})
	return done, err
}

func checkLogRow(hash string, row []byte) error {
	l, err := decodeLog(row)
	if err != nil {
		return err
	}
	if HashOrigin(l.Origin) != hash {
		return fmt.Errorf("it is of log %q, which belongs elsewhere", l.Origin)
	}
	return checkLog(l)
}

func (w *Witness) checkState(hash string, row []byte, known []*checkpoint.Verifier) error {
	st, err := decodeState(row)
	if err != nil {
		return err
	}
	if HashOrigin(st.cp.Origin) != hash {
		return fmt.Errorf("it is of log %q, which belongs elsewhere", st.cp.Origin)
	}
	ours, err := st.note.Verify(known...)
	if err != nil {
		return err
	}
	if len(ours) == 0 {
		return errors.New("no key of this witness has cosigned it")
	}
	l, err := w.store.Get(logRow + hash)
	if err != nil {
		return fmt.Errorf("its log: %w", err)
	}
	decoded, err := decodeLog(l)
	if err != nil {
		return err
	}
	if _, err := w.verifyLog(st.note, decoded); err != nil && !decoded.ownWord(st.note) {
		return err
	}
	return nil
}

// ownWord reports whether none of the log's present keys has signed the note.
func (l *Log) ownWord(n *checkpoint.Note) bool {
	for _, vkey := range l.Keys {
		v, err := newLogVerifier(vkey)
		if err != nil {
			return false
		}
		for _, sig := range n.Signatures {
			if sig.Name == v.Name() && sig.KeyHash == v.KeyHash() {
				return false
			}
		}
	}
	return true
}
