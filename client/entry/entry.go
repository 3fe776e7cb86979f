// Package entry defines what stands in the log.
//
// A tile log never forgets and receipts can hold personal data, so an entry
// commits to a receipt and does not contain it. Every entry is one JSON object
// in canonical form (RFC 8785, JCS), at most [MaxBytes] long, whose member
// "kind" says what it is:
//
//	{"at":"2026-05-12T10:00:03Z","commitment":"<64 hex digits>",
//	 "issuer":"did:web:armalo.ai","key":"z6Mk…","kind":"receipt",
//	 "org":"<32 hex digits>","retain":"indefinite"}
//
//	{"at":"2026-05-12T10:00:02Z","did":"did:web:armalo.ai",
//	 "document":{…},"kind":"issuer"}
//
// The kinds rules, hold and erasure are drawn at [Rules], [Hold] and [Erasure].
// They say what package retention makes of them: until when bodies are owed,
// and which may be destroyed.
//
// The leaf of an entry is SHA-256(0x00 || entry) as in RFC 6962, so the bytes
// matter: [Parse] accepts an entry only in the very form that Marshal writes.
//
// The package does no I/O and reads no clock. Its values are safe for
// concurrent use as long as nobody changes them.
package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// MaxBytes bounds an entry. SPEC tlog-tiles: entry bundles carry entries with
// a big-endian uint16 length before them.
const MaxBytes = 1<<16 - 1

// The kinds of entries.
const (
	KindReceipt = "receipt" // see [Receipt]
	KindIssuer  = "issuer"  // see [Issuer]
	KindRules   = "rules"   // see [Rules]
	KindHold    = "hold"    // see [Hold]
	KindErasure = "erasure" // see [Erasure]
)

// Indefinite is the retention of a receipt that is kept without end. It is
// the default.
const Indefinite = "indefinite"

// Entry is one of [Receipt], [Issuer], [Rules], [Hold] and [Erasure].
type Entry interface {
	// Kind names the kind, as in the member "kind".
	Kind() string
	// Marshal returns the canonical bytes that stand in the log.
	Marshal() []byte
}

// Parse reads an entry of any known kind. It accepts canonical bytes only:
// what it returns marshals to exactly data. Its errors carry the code
// malformed or too_large.
func Parse(data []byte) (Entry, error) {
	if len(data) > MaxBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "entry", "has %d bytes, at most %d are allowed", len(data), MaxBytes)
	}
	if r, ok := scanReceipt(data); ok {
		return r, nil
	}
	var probe struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return nil, verdict.Errorf(verdict.Malformed, "entry", "not strict JSON: %v", err)
	}
	var (
		e   Entry
		err error
	)
	switch probe.Kind {
	case KindReceipt:
		e, err = parseReceipt(data)
	case KindIssuer:
		e, err = parseIssuer(data)
	case KindRules:
		e, err = parseRules(data)
	case KindHold:
		e, err = parseHold(data)
	case KindErasure:
		e, err = parseErasure(data)
	default:
		return nil, verdict.Errorf(verdict.Malformed, "entry.kind", "unknown kind %q", clip(probe.Kind))
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(e.Marshal(), data) {
		return nil, verdict.Errorf(verdict.Malformed, "entry", "not in canonical form (RFC 8785)")
	}
	return e, nil
}

// unmarshalStrict decodes data and refuses members that the kind does not have.
func unmarshalStrict(data []byte, into any) error {
	if err := json.Unmarshal(data, into, json.RejectUnknownMembers(true)); err != nil {
		return verdict.Errorf(verdict.Malformed, "entry", "%v", err)
	}
	return nil
}

// parseTime reads the one form of time that entries use: UTC, whole seconds.
func parseTime(path, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, verdict.Errorf(verdict.Malformed, path, "must be a UTC time in whole seconds such as 2026-05-12T10:00:00Z")
	}
	return t.UTC(), nil
}

// FormatTime writes t as entries do: UTC, whole seconds, rounded down.
func FormatTime(t time.Time) string {
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// parseHex reads exactly len(into) bytes of lower-case hex.
func parseHex(path, s string, into []byte) error {
	if len(s) != 2*len(into) || strings.ToLower(s) != s {
		return verdict.Errorf(verdict.Malformed, path, "must be %d lower-case hex digits", 2*len(into))
	}
	if _, err := hex.Decode(into, []byte(s)); err != nil {
		return verdict.Errorf(verdict.Malformed, path, "must be %d lower-case hex digits", 2*len(into))
	}
	return nil
}

// appendMember appends a separator, "name": and the quoted value.
func appendMember(dst []byte, separator byte, name, value string) []byte {
	dst = append(dst, separator, '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	// AppendQuote writes the minimal form that RFC 8785 wants. It fails only on
	// invalid UTF-8, for which it writes U+FFFD; Parse then sees other bytes.
	dst, _ = jsontext.AppendQuote(dst, value)
	return dst
}

// clip shortens a hostile string for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// commitmentLabel separates commitments from every other use of SHA-256 here.
const commitmentLabel = "receiptlog/v1/commitment\n"

// SaltSize is the length of a commitment's salt in bytes. 32 random bytes hide
// the receipt from whoever guesses at its text once the salt is destroyed.
const SaltSize = 32

// Commit returns SHA-256("receiptlog/v1/commitment\n" || salt || canonical),
// where canonical is the JCS form of a signed receipt.
func Commit(salt [SaltSize]byte, canonical []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(commitmentLabel))
	h.Write(salt[:])
	h.Write(canonical)
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}
