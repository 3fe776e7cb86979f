package bundle

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// ErasureVersion is the value of the member "erasure".
const ErasureVersion = "receiptlog/v1"

// Erasure is evidence that the log has erased its copy of a receipt: the
// erasure entry, with its proof. A log that is asked for an erased receipt
// answers with it; beside a bundle that somebody kept, it lets the verdict say
// when the log let go of the body, and on what basis.
//
//	{"checkpoint":"<signed note>","entry":{…},"erasure":"receiptlog/v1",
//	 "inclusion":["<base64>",…],"index":4711}
type Erasure struct {
	Entry      []byte // of kind erasure, in canonical form
	Index      uint64 // its leaf index
	Hashes     [][32]byte
	Checkpoint []byte
}

// Marshal returns the evidence as canonical JSON.
func (e *Erasure) Marshal() []byte {
	dst := make([]byte, 0, len(e.Entry)+len(e.Checkpoint)*11/10+len(e.Hashes)*48+128)
	dst, _ = jsontext.AppendQuote(append(dst, `{"checkpoint":`...), e.Checkpoint) // a note is UTF-8
	dst = append(append(dst, `,"entry":`...), e.Entry...)
	dst = append(dst, `,"erasure":"`+ErasureVersion+`",`...)
	return append(appendPlace(dst, e.Hashes, e.Index), '}')
}

// ParseErasure reads evidence of an erasure. Like [Parse] it checks the form
// only.
func ParseErasure(data []byte) (*Erasure, error) {
	canonical, err := jcs.CanonicalizeEnvelope(data, MaxBytes)
	if err != nil {
		return nil, err
	}
	var w struct {
		Checkpoint *string        `json:"checkpoint"`
		Entry      jsontext.Value `json:"entry"`
		Erasure    string         `json:"erasure"`
		Inclusion  *[]string      `json:"inclusion"`
		Index      *uint64        `json:"index"`
	}
	if err := json.Unmarshal(canonical, &w, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.Malformed, "erasure", "%v", err)
	}
	if w.Erasure != ErasureVersion {
		return nil, verdict.Errorf(verdict.Malformed, "erasure", "must be %q", ErasureVersion)
	}
	if w.Checkpoint == nil {
		return nil, verdict.Errorf(verdict.Malformed, "checkpoint", "is missing")
	}
	e := &Erasure{Checkpoint: []byte(*w.Checkpoint)}
	if e.Entry, e.Index, e.Hashes, err = parsePlace("", w.Entry, w.Index, w.Inclusion); err != nil {
		return nil, err
	}
	if !bytes.Equal(e.Marshal(), canonical) {
		return nil, verdict.Errorf(verdict.Malformed, "erasure", "has a member that is null or written in two ways")
	}
	return e, nil
}
