package witness

import (
	"encoding/base64"
	"fmt"
	"strings"

	fnote "github.com/transparency-dev/formats/note"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// verifier verifies signatures of one log key.
type verifier interface {
	Name() string
	KeyHash() uint32
	Verify(body, sig []byte) bool
}

// verifyLog checks the signatures of a note against a log's keys and returns the
// lines that verified, one of each key that signed, or a refusal for the reason
// Untrusted.
func (w *Witness) verifyLog(n *checkpoint.Note, l *Log) ([]byte, error) {
	var lines []byte
	for _, vkey := range l.Keys {
		v, err := w.verifier(vkey)
		if err != nil {
			return nil, err
		}
		line, err := verifyBy(n, v)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	if lines == nil {
		return nil, refuse(Untrusted, "no signature by a trusted key of this log")
	}
	return lines, nil
}

// verifyBy checks every signature of a note that names the key of v, and returns
// the first one's line, or nil if there is none.
func verifyBy(n *checkpoint.Note, v verifier) (line []byte, err error) {
	for _, sig := range n.Signatures {
		if sig.Name != v.Name() || sig.KeyHash != v.KeyHash() {
			continue // SPEC tlog-witness: "it MUST ignore signatures from unknown keys."
		}
		// SPEC tlog-witness: 403 if "a signature line's key name and ID match a
		// trusted key but the signature itself fails to verify".
		if !v.Verify(n.Text, sig.Value) {
			return nil, refuse(Untrusted, "the signature by %s+%08x does not verify", v.Name(), v.KeyHash())
		}
		if line == nil {
			line = sig.Line
		}
	}
	return line, nil
}

func (w *Witness) verifier(vkey string) (verifier, error) {
	if v, ok := w.verifiers.get(vkey); ok {
		return v, nil
	}
	v, err := newLogVerifier(vkey)
	if err != nil {
		return nil, err
	}
	w.verifiers.put(vkey, v)
	return v, nil
}

// checkLog checks a log and fills in its origin if it has none.
func checkLog(l *Log) error {
	if len(l.Keys) == 0 || len(l.Keys) > MaxLogKeys {
		return fmt.Errorf("a log has 1 to %d keys, not %d", MaxLogKeys, len(l.Keys))
	}
	ids := make(map[string]bool)
	for _, vkey := range l.Keys {
		v, err := newLogVerifier(vkey)
		if err != nil {
			return err
		}
		if l.Origin == "" {
			l.Origin = v.Name()
		}
		// Two keys of one name and ID cannot be told apart in a signature line.
		id := fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
		if ids[id] {
			return fmt.Errorf("two keys are named %s", id)
		}
		ids[id] = true
	}
	if len(l.Origin) > checkpoint.MaxOriginBytes || strings.ContainsFunc(l.Origin, isControl) {
		return fmt.Errorf("origin %.80q is longer than %d bytes or has control characters", l.Origin, checkpoint.MaxOriginBytes)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' }

// newLogVerifier decodes the key of a log. SPEC tlog-checkpoint: logs "MAY use
// any note signature algorithm"; these are all that signed-note assigns.
func newLogVerifier(vkey string) (verifier, error) {
	_, rest, _ := strings.Cut(vkey, "+")
	_, key, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil || len(raw) == 0 {
		return nil, fmt.Errorf("malformed log key %.80q", vkey)
	}
	const ecdsa, treeHead = 0x02, 0x05 // SPEC signed-note: signature types
	if raw[0] == ecdsa || raw[0] == treeHead {
		v, err := fnote.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("malformed log key %.80q: %w", vkey, err)
		}
		return v, nil
	}
	v, err := checkpoint.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	return v, nil
}
