package entry

import (
	"encoding/json/jsontext"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// Issuer is the entry that archives a DID document as it stood when the log
// first relied on it, or when it had changed. It stands before the first
// receipt that was verified with it, so that in ten years the log itself still
// says which key was valid, whatever has become of the issuer's web site.
type Issuer struct {
	DID      string
	Document []byte    // the document's canonical JSON
	At       time.Time // when the log fetched it, in whole seconds UTC
}

// Kind returns [KindIssuer].
func (Issuer) Kind() string { return KindIssuer }

// Marshal returns the canonical entry. Document must be canonical already.
func (i Issuer) Marshal() []byte {
	dst := make([]byte, 0, len(i.Document)+len(i.DID)+128)
	dst = appendMember(dst, '{', "at", FormatTime(i.At))
	dst = appendMember(dst, ',', "did", i.DID)
	dst = append(dst, `,"document":`...)
	dst = append(dst, i.Document...)
	dst = appendMember(dst, ',', "kind", KindIssuer)
	return append(dst, '}')
}

func parseIssuer(data []byte) (Issuer, error) {
	var wire struct {
		At       string         `json:"at"`
		DID      string         `json:"did"`
		Document jsontext.Value `json:"document"`
		Kind     string         `json:"kind"`
	}
	if err := unmarshalStrict(data, &wire); err != nil {
		return Issuer{}, err
	}
	at, err := parseTime("entry.at", wire.At)
	if err != nil {
		return Issuer{}, err
	}
	if err := checkDID("entry.did", wire.DID); err != nil {
		return Issuer{}, err
	}
	if wire.Document.Kind() != '{' {
		return Issuer{}, verdict.Errorf(verdict.Malformed, "entry.document", "must be an object")
	}
	canonical := wire.Document.Clone()
	if err := canonical.Canonicalize(); err != nil {
		return Issuer{}, verdict.Errorf(verdict.Malformed, "entry.document", "%v", err)
	}
	return Issuer{DID: wire.DID, Document: canonical, At: at}, nil
}
