package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"strings"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// wire is the JSON form of a bundle. Pointers tell a missing member from an
// empty one.
type wire struct {
	Bundle     string         `json:"bundle"`
	Checkpoint *string        `json:"checkpoint"`
	Entry      jsontext.Value `json:"entry"`
	Inclusion  *[]string      `json:"inclusion"`
	Index      *uint64        `json:"index"`
	Issuer     *wireIssuer    `json:"issuer"`
	Receipt    jsontext.Value `json:"receipt"`
	Salt       *string        `json:"salt"`
}

type wireIssuer struct {
	Entry     jsontext.Value `json:"entry"`
	Inclusion *[]string      `json:"inclusion"`
	Index     *uint64        `json:"index"`
}

// Parse reads a bundle. It checks the form only: strict I-JSON, every member
// there and of its type, nothing unknown, all sizes within bounds. Receipt and
// entries come out in canonical form. Errors carry malformed or too_large.
func Parse(data []byte) (*Bundle, error) {
	canonical, err := jcs.CanonicalizeEnvelope(data, MaxBytes)
	if err != nil {
		return nil, err
	}
	var w wire
	if err := json.Unmarshal(canonical, &w, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.Malformed, "bundle", "%v", err)
	}
	if w.Bundle != Version {
		return nil, verdict.Errorf(verdict.Malformed, "bundle", "must be %q", Version)
	}
	for name, missing := range map[string]bool{"checkpoint": w.Checkpoint == nil, "salt": w.Salt == nil} {
		if missing {
			return nil, verdict.Errorf(verdict.Malformed, name, "is missing")
		}
	}
	if w.Receipt.Kind() != '{' {
		return nil, verdict.Errorf(verdict.Malformed, "receipt", "must be an object")
	}
	b := &Bundle{Receipt: w.Receipt, Checkpoint: []byte(*w.Checkpoint)}
	if err := parseSalt("salt", *w.Salt, &b.Salt); err != nil {
		return nil, err
	}
	if b.Entry, b.Index, b.Hashes, err = parsePlace("", w.Entry, w.Index, w.Inclusion); err != nil {
		return nil, err
	}
	if w.Issuer != nil {
		b.Issuer = new(IssuerEvidence)
		b.Issuer.Entry, b.Issuer.Index, b.Issuer.Hashes, err = parsePlace("issuer.", w.Issuer.Entry, w.Issuer.Index, w.Issuer.Inclusion)
		if err != nil {
			return nil, err
		}
	}
	if !bytes.Equal(b.Marshal(), canonical) {
		return nil, verdict.Errorf(verdict.Malformed, "bundle", "has a member that is null or written in two ways")
	}
	return b, nil
}

// parsePlace reads an entry, its index and its inclusion proof.
func parsePlace(prefix string, e jsontext.Value, index *uint64, inclusion *[]string) ([]byte, uint64, [][32]byte, error) {
	if e.Kind() != '{' {
		return nil, 0, nil, verdict.Errorf(verdict.Malformed, prefix+"entry", "must be an object")
	}
	if len(e) > entry.MaxBytes {
		return nil, 0, nil, verdict.Errorf(verdict.TooLarge, prefix+"entry", "has %d bytes, at most %d are allowed", len(e), entry.MaxBytes)
	}
	if index == nil || *index > maxIndex {
		return nil, 0, nil, verdict.Errorf(verdict.Malformed, prefix+"index", "must be a number from 0 to %d", uint64(maxIndex))
	}
	if inclusion == nil || len(*inclusion) > maxHashes {
		return nil, 0, nil, verdict.Errorf(verdict.Malformed, prefix+"inclusion", "must be a list of at most %d hashes", maxHashes)
	}
	hashes := make([][32]byte, len(*inclusion))
	for i, s := range *inclusion {
		raw, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || len(raw) != 32 || strings.ContainsAny(s, "\r\n") {
			return nil, 0, nil, verdict.Errorf(verdict.Malformed, fmt.Sprintf("%sinclusion[%d]", prefix, i), "must be a base64 SHA-256 hash")
		}
		hashes[i] = [32]byte(raw)
	}
	return e, *index, hashes, nil
}

func parseSalt(path, s string, into *[entry.SaltSize]byte) error {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(into) || strings.ToLower(s) != s {
		return verdict.Errorf(verdict.Malformed, path, "must be %d lower-case hex digits", 2*len(into))
	}
	copy(into[:], raw)
	return nil
}
