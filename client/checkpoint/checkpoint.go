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
// Errors are [*verdict.Error]: checkpoint_invalid for what is wrong with a
// checkpoint, note or signature, too_large for one over a bound, malformed for a
// key. Everything here may be called concurrently.
package checkpoint

// MaxOriginBytes is the longest origin, and the longest key name. SPEC
// tlog-cosignature: log_origin<1..2^8-1>, cosigner_name<1..2^8-1>.
const MaxOriginBytes = 255

// MaxSize is the largest tree size. It is the largest that fits a signed 64-bit
// integer, in which many tools count: a checkpoint must mean the same to all.
const MaxSize = 1<<63 - 1

// HashSize is the length of a root hash in bytes: SHA-256.
const HashSize = 32

// Checkpoint is what a checkpoint's body says. It has no extension lines: the
// ML-DSA-44 cosignature does not cover them.
type Checkpoint struct {
	Origin string   // identity of the log, 1 to [MaxOriginBytes] bytes
	Size   uint64   // number of leaves, at most [MaxSize]
	Root   [32]byte // RFC 6962 root hash of the tree of that size
}

// Parse parses the body of a checkpoint: three lines, each ending in a newline.
func Parse(body []byte) (Checkpoint, error) { panic("not yet") }

// ParseSigned parses the body of a signed checkpoint. It checks that data is a
// well-formed note and verifies no signature: see [Note.Verify].
func ParseSigned(data []byte) (Checkpoint, error) { panic("not yet") }

// Body returns the body that [Parse] reads, the text that is signed.
func (c Checkpoint) Body() []byte { panic("not yet") }

// EmptyRoot returns the root hash of the empty tree: SHA-256 of nothing.
func EmptyRoot() [32]byte { panic("not yet") }

// ParseSize parses a tree size or entry index: decimal, at most [MaxSize],
// without sign or leading zeroes.
func ParseSize(s string) (uint64, error) { panic("not yet") }

// ParseHash parses the base64 of a SHA-256 hash in its one canonical spelling.
func ParseHash(s string) ([32]byte, error) { panic("not yet") }
