// Package checkpoint reads, writes, signs and verifies the checkpoints of a
// transparency log: C2SP tlog-checkpoint, signed-note and tlog-cosignature.
//
// A checkpoint states that the log named by its origin has a tree of some size
// with some root hash:
//
//	example.com/behind-the-sofa
//	20852163
//	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//
//	— example.com/behind-the-sofa Az3grlgtzPIC[...]TOAYQ8=
//	— witness.example.com/w1 jWbPPwAAAABkGFDL[...]ZfZ+qnA==
//
// The lines above the empty one are its body ([Checkpoint]), those below are
// signatures by the log and cosignatures by witnesses. The whole is a signed
// note ([Note]).
//
// Logs, witnesses and verifiers all call this package. It trusts only the keys
// it is handed: [Parse] and [ParseNote] read what anybody may have written, and
// only [Note.Verify] says who signed it. Parsing is strict: each checkpoint has
// one encoding, and another spelling of the same meaning is refused. The package
// does no I/O and reads no clock; a [Signer] is given one.
//
// Errors about what was read are [*verdict.Error]: checkpoint_invalid for what is
// wrong with a checkpoint, note or signature, too_large for one over a bound,
// malformed for a key, number or hash. Everything here may be called
// concurrently.
package checkpoint

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/verdict"
)

// MaxOriginBytes is the longest origin, and the longest key name. SPEC
// tlog-cosignature: log_origin<1..2^8-1>, cosigner_name<1..2^8-1>.
const MaxOriginBytes = 255

// MaxSize is the largest tree size. It is the largest that fits a signed 64-bit
// integer, in which many tools count: a checkpoint must mean the same to all.
const MaxSize = 1<<63 - 1

// HashSize is the length of a root hash in bytes: SHA-256.
const HashSize = sha256.Size

// Checkpoint is what the three lines say that every checkpoint has. Lines after
// them are not part of it: see [ParseExtended].
type Checkpoint struct {
	Origin string   // identity of the log, 1 to [MaxOriginBytes] bytes
	Size   uint64   // number of leaves, at most [MaxSize]
	Root   [32]byte // RFC 6962 root hash of the tree of that size
}

// Parse parses the body of a checkpoint: three lines, each ending in a newline.
// It accepts exactly the bytes that [Checkpoint.Body] writes, and so no extension
// lines, which our logs never write. Whoever verifies or signs for one log uses it.
func Parse(body []byte) (Checkpoint, error) {
	c, extensions, err := ParseExtended(body)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(extensions) != 0 {
		return Checkpoint{}, errExtensions // SPEC tlog-checkpoint: OPTIONAL, and NOT RECOMMENDED
	}
	return c, nil
}

// parseThree parses the first three lines, without their newlines.
func parseThree(origin, size, root string) (c Checkpoint, err error) {
	if !validOrigin(origin) {
		return Checkpoint{}, invalid("checkpoint origin is not 1 to 255 bytes of UTF-8 without control characters")
	}
	c.Origin = origin
	if c.Size, err = ParseSize(size); err != nil {
		return Checkpoint{}, invalid("checkpoint size is not a canonical decimal number below 2^63")
	}
	if c.Root, err = ParseHash(root); err != nil {
		return Checkpoint{}, invalid("checkpoint root is not the canonical base64 of 32 bytes")
	}
	// SPEC RFC 6962: the empty tree has one root hash.
	if c.Size == 0 && c.Root != EmptyRoot() {
		return Checkpoint{}, invalid("checkpoint of size 0 does not have the root of the empty tree")
	}
	return c, nil
}

// ParseSigned parses the body of a signed checkpoint. It checks that signed is a
// well-formed note and verifies no signature: see [Note.Verify].
func ParseSigned(signed []byte) (Checkpoint, error) {
	n, err := ParseNote(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	return Parse(n.Text)
}

// Body returns the body that [Parse] reads, which is the text that is signed.
func (c Checkpoint) Body() []byte {
	const rest = len("\n9223372036854775807\n\n") + 44 // size and base64 root
	body := make([]byte, 0, len(c.Origin)+rest)
	body = append(body, c.Origin...)
	body = append(body, '\n')
	body = strconv.AppendUint(body, c.Size, 10)
	body = append(body, '\n')
	body = base64.StdEncoding.AppendEncode(body, c.Root[:])
	return append(body, '\n')
}

// EmptyRoot returns the root hash of the empty tree: SHA-256 of no bytes.
func EmptyRoot() [32]byte { return sha256.Sum256(nil) }

// ParseSize parses a tree size or an entry index: decimal, at most [MaxSize],
// without sign or leading zeroes.
func ParseSize(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || (s[0] == '0' && s != "0") {
		return 0, &verdict.Error{Code: verdict.Malformed, Detail: "not a canonical decimal number below 2^63"}
	}
	return n, nil
}

// ParseHash parses the base64 of a SHA-256 hash in its one canonical spelling.
func ParseHash(s string) ([32]byte, error) {
	b, ok := decodeBase64(s)
	if !ok || len(b) != HashSize {
		return [32]byte{}, &verdict.Error{Code: verdict.Malformed, Detail: "not the canonical base64 of 32 bytes"}
	}
	return [32]byte(b), nil
}

// decodeBase64 decodes s if it is what encoding the result would give.
// The decoder skips newlines, and outside strict mode spare bits: neither may be.
func decodeBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && base64.StdEncoding.EncodedLen(len(b)) == len(s)
}

// validOrigin reports whether a log may be called s. SPEC tlog-checkpoint: any
// non-empty line will do; spaces and pluses are only advised against.
func validOrigin(s string) bool {
	return s != "" && len(s) <= MaxOriginBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, isControl)
}

// isControl reports whether r may not stand in a line of a note. SPEC
// signed-note: no ASCII control characters, those below U+0020.
func isControl(r rune) bool { return r < 0x20 }

func invalid(detail string) error {
	return &verdict.Error{Code: verdict.CheckpointInvalid, Detail: detail}
}
