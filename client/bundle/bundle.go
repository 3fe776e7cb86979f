// Package bundle defines the one file that proves a receipt offline: the
// receipt, the opening of its entry, the proof that the entry is in the log,
// and the issuer's DID document as the log archived it, with its own proof.
//
//	{"bundle":"receiptlog/v1",
//	 "checkpoint":"<signed note, with the witnesses' cosignatures>",
//	 "entry":{…},            the receipt's entry, see package entry
//	 "inclusion":["<base64>",…],
//	 "index":12,
//	 "issuer":{"entry":{…},"inclusion":["<base64>",…],"index":3},
//	 "receipt":{…},
//	 "salt":"<64 hex digits>"}
//
// The member "issuer" is absent for did:key, whose DID is its own evidence.
// Both inclusion proofs lead to the root of the one checkpoint. [Bundle.Marshal]
// writes canonical JSON (RFC 8785); [Parse] also takes the same values spaced
// or ordered otherwise, since bundles travel through tools such as jq, but
// refuses unknown and missing members.
//
// A Bundle claims, it does not prove: package verify checks it. This package
// does no I/O; its values are safe for concurrent use while nobody changes them.
package bundle

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"slices"
	"strconv"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// Version is the value of the member "bundle".
	Version = "receiptlog/v1"
	// MaxBytes bounds a bundle: a receipt of 1 MiB, two entries of 64 KiB, a
	// checkpoint with a hundred ML-DSA-44 cosignatures of 3.3 KiB, and room.
	MaxBytes = 2 << 20
	// maxHashes bounds an inclusion proof: a tree has fewer than 2^63 leaves.
	maxHashes = 63
	// maxIndex keeps an index exact as a JSON number (RFC 7493).
	maxIndex = 1<<53 - 1
)

// Bundle is a receipt with everything that it takes to verify it.
type Bundle struct {
	Receipt    []byte               // the signed receipt in canonical form
	Entry      []byte               // its entry's bytes, as in the log
	Salt       [entry.SaltSize]byte // opens the entry's commitment
	Index      uint64               // the entry's leaf index
	Hashes     [][32]byte           // its inclusion proof, leaf to root
	Checkpoint []byte               // the signed note that both proofs lead to
	Issuer     *IssuerEvidence      // nil for did:key
}

// IssuerEvidence is the issuer's archived DID document with its place in the
// log.
type IssuerEvidence struct {
	Entry  []byte
	Index  uint64
	Hashes [][32]byte
}

// opening is what a .tlog-proof carries in its extra line: all that turns a
// receipt into the leaf.
type opening struct {
	Entry jsontext.Value `json:"entry"`
	Salt  string         `json:"salt"`
}

// Marshal returns the bundle as canonical JSON. Receipt and entries must be
// canonical JSON already; they are copied as they are.
func (b *Bundle) Marshal() []byte { return b.Append(nil) }

// Append is [Bundle.Marshal] into memory that the caller has.
func (b *Bundle) Append(dst []byte) []byte {
	n := len(b.Receipt) + len(b.Entry) + len(b.Checkpoint)*11/10 + len(b.Hashes)*48 + 256
	if b.Issuer != nil {
		n += len(b.Issuer.Entry) + len(b.Issuer.Hashes)*48 + 64
	}
	dst = slices.Grow(dst, n)
	dst = append(dst, `{"bundle":"`+Version+`","checkpoint":`...)
	dst = jcs.AppendQuote(dst, b.Checkpoint)
	dst = append(dst, `,"entry":`...)
	dst = append(dst, b.Entry...)
	dst = appendPlace(append(dst, ','), b.Hashes, b.Index)
	if b.Issuer != nil {
		dst = append(dst, `,"issuer":{"entry":`...)
		dst = append(dst, b.Issuer.Entry...)
		dst = appendPlace(append(dst, ','), b.Issuer.Hashes, b.Issuer.Index)
		dst = append(dst, '}')
	}
	dst = append(dst, `,"receipt":`...)
	dst = append(dst, b.Receipt...)
	dst = append(dst, `,"salt":"`...)
	dst = hex.AppendEncode(dst, b.Salt[:])
	return append(dst, `"}`...)
}

// appendPlace appends the members inclusion and index.
func appendPlace(dst []byte, hashes [][32]byte, index uint64) []byte {
	dst = append(dst, `"inclusion":[`...)
	for i := range hashes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, hashes[i][:])
		dst = append(dst, '"')
	}
	dst = append(dst, `],"index":`...)
	return strconv.AppendUint(dst, index, 10)
}

// TlogProof returns the tree part of the bundle as a C2SP tlog-proof, which
// any C2SP tool can check. Its extra line opens the entry; it carries neither
// the receipt nor the issuer's document.
func (b *Bundle) TlogProof() *proof.Proof {
	extra := append([]byte(`{"entry":`), b.Entry...)
	extra = append(extra, `,"salt":"`...)
	extra = hex.AppendEncode(extra, b.Salt[:])
	extra = append(extra, `"}`...)
	return &proof.Proof{Extra: extra, Index: b.Index, Hashes: b.Hashes, Checkpoint: b.Checkpoint}
}

// FromTlogProof joins a receipt in canonical form with its .tlog-proof. The
// bundle has no issuer evidence: it verifies by itself only for did:key.
func FromTlogProof(receipt []byte, p *proof.Proof) (*Bundle, error) {
	if p.Extra == nil {
		return nil, verdict.Errorf(verdict.Malformed, "extra", "the proof has no extra line to open its entry with")
	}
	canonical, err := jcs.Canonicalize(p.Extra, entry.MaxBytes+256)
	if err != nil {
		return nil, err
	}
	var o opening
	if err := json.Unmarshal(canonical, &o, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.Malformed, "extra", "%v", err)
	}
	b := &Bundle{Receipt: receipt, Entry: o.Entry, Index: p.Index, Hashes: p.Hashes, Checkpoint: p.Checkpoint}
	if err := parseSalt("extra.salt", o.Salt, &b.Salt); err != nil {
		return nil, err
	}
	return b, nil
}
