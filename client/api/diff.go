package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"

	"github.com/armalo/receiptlog/client/verdict"
)

// Diff is the diff that a verification request brings along. In JSON it is
// either a string, the text of the diff, or an object with exactly one of
// "sha256" (lower-case hex of the diff's bytes) and "base64" (the bytes, for
// diffs that are not UTF-8).
type Diff struct {
	sum [sha256.Size]byte
}

// DiffOf returns the Diff of these bytes.
func DiffOf(diff []byte) *Diff {
	return &Diff{sum: sha256.Sum256(diff)}
}

// DiffSum returns the Diff with this SHA-256.
func DiffSum(sum [sha256.Size]byte) *Diff {
	return &Diff{sum: sum}
}

// Sum is the SHA-256 of the diff's bytes.
func (d *Diff) Sum() [sha256.Size]byte { return d.sum }

// diffObject is the object form on the wire.
type diffObject struct {
	SHA256 *string `json:"sha256,omitzero"`
	Base64 *string `json:"base64,omitzero"`
}

// MarshalJSONTo writes the hash: a diff need not travel to be compared.
func (d *Diff) MarshalJSONTo(enc *jsontext.Encoder) error {
	sum := hex.EncodeToString(d.sum[:])
	return json.MarshalEncode(enc, diffObject{SHA256: &sum})
}

// UnmarshalJSONFrom reads any of the three forms. Its errors carry the code
// malformed and the path "diff".
func (d *Diff) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if raw.Kind() == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		d.sum = sha256.Sum256([]byte(text))
		return nil
	}
	var object diffObject
	if err := json.Unmarshal(raw, &object, json.RejectUnknownMembers(true)); err != nil {
		return verdict.Errorf(verdict.Malformed, "diff", "must be the text of the diff, or an object with sha256 or base64")
	}
	return d.decode(object)
}

func (d *Diff) decode(object diffObject) error {
	switch {
	case object.SHA256 != nil && object.Base64 == nil:
		sum, err := hex.DecodeString(*object.SHA256)
		if err != nil || len(sum) != sha256.Size || hex.EncodeToString(sum) != *object.SHA256 {
			return verdict.Errorf(verdict.Malformed, "diff.sha256", "must be 64 lower-case hex digits")
		}
		d.sum = [sha256.Size]byte(sum)
	case object.Base64 != nil && object.SHA256 == nil:
		diff, err := base64.StdEncoding.Strict().DecodeString(*object.Base64)
		if err != nil {
			return verdict.Errorf(verdict.Malformed, "diff.base64", "must be standard base64 with padding")
		}
		d.sum = sha256.Sum256(diff)
	default:
		return verdict.Errorf(verdict.Malformed, "diff", "must have exactly one of sha256 and base64")
	}
	return nil
}
