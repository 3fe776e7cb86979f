package procurement

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"strings"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// maxIssuerBytes bounds the file of an issuer: an entry of 64 KiB and
	// sixty-three hashes.
	maxIssuerBytes = 128 << 10
	// maxLineBytes bounds a line: as much besides a receipt.
	maxLineBytes = receipt.MaxBytes + maxIssuerBytes
)

// line is one receipt with what proves it. Checkpoint and issuer are paths.
type line struct {
	Checkpoint string         `json:"checkpoint"`
	Entry      jsontext.Value `json:"entry"`
	Inclusion  []string       `json:"inclusion"`
	Index      uint64         `json:"index"`
	Issuer     string         `json:"issuer,omitzero"`
	Receipt    jsontext.Value `json:"receipt"`
	Salt       string         `json:"salt"`
}

// RetentionName is the file with the entries that govern what is kept, one
// [Governing] a line.
const RetentionName = "retention.ndjson"

// Governing is an entry that governs receipts of the archive, with the proof
// that it is in the log.
type Governing struct {
	Checkpoint string         `json:"checkpoint"` // path
	Entry      jsontext.Value `json:"entry"`
	Inclusion  []string       `json:"inclusion"`
	Index      uint64         `json:"index"`
}

// issuerPart is the file of one issuer's evidence.
type issuerPart struct {
	Entry     jsontext.Value `json:"entry"`
	Inclusion []string       `json:"inclusion"`
	Index     uint64         `json:"index"`
}

// The reports of an archive are files that begin so; see package report.
const (
	ControlsPrefix  = "report."
	Article12Prefix = "article12."
)

// IsReport reports whether a file is a report: whoever trusts nobody makes it again.
func IsReport(path string) bool {
	return strings.HasPrefix(path, ControlsPrefix) || strings.HasPrefix(path, Article12Prefix)
}

// parsePart reads a line or an issuer strictly, in any JSON form.
func parsePart(path string, data []byte, limit int, into any) error {
	canonical, err := jcs.CanonicalizeEnvelope(data, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(canonical, into, json.RejectUnknownMembers(true)); err != nil {
		return verdict.Errorf(verdict.Malformed, path, "%v", err)
	}
	return nil
}

func encodeHashes(hashes [][32]byte) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

func decodeHashes(path string, encoded []string) ([][32]byte, error) {
	out := make([][32]byte, len(encoded))
	for i, s := range encoded {
		h, err := checkpoint.ParseHash(s)
		if err != nil {
			return nil, verdict.Errorf(verdict.Malformed, path, "inclusion[%d] is no base64 SHA-256 hash", i)
		}
		out[i] = h
	}
	return out, nil
}

func decodeSalt(path, s string) (salt [32]byte, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(salt) || hex.EncodeToString(raw) != s {
		return salt, verdict.Errorf(verdict.Malformed, path, "salt must be 64 lower-case hex digits")
	}
	return [32]byte(raw), nil
}
