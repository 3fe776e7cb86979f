// Package proof reads, writes, builds and verifies Merkle proofs about a log.
//
// A [Proof] is the C2SP tlog-proof format: an entry's index, the hashes that
// lead from the entry to the root of a tree, and the signed checkpoint with that
// root, in one text that verifies offline.
//
//	c2sp.org/tlog-proof@v1
//	extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
//	index 73894
//	gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//	[...]
//
//	example.com/fancylog
//	109482
//	sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//
//	— example.com/fancylog hI2DJw[...]1roloI=
//
// A log builds proofs from its tiles ([Prover]), a verifier checks them
// ([VerifyInclusion], [VerifyConsistency], [VerifySubtree]). Building trusts the
// tiles it is given; verifying trusts the roots it is given, which are as good as
// the checkpoint that they stand in: see package policy. All hashing is that of
// RFC 6962 with SHA-256.
//
// The package keeps nothing on disk and does no I/O but through a [TileReader].
// Errors about what was read are [*verdict.Error] with code malformed, too_large,
// checkpoint_invalid, inclusion_invalid or consistency_invalid.
package proof

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// MaxHashes is the most hashes in a proof: a tree of [checkpoint.MaxSize] leaves
// is 63 levels high. SPEC tlog-witness: at most 63 consistency proof lines.
const MaxHashes = 63

// MaxExtraBytes is the most extra data in a proof. An entry of 65,535 bytes,
// written as text inside JSON, fits with room for what is said about it.
const MaxExtraBytes = 256 << 10

// MaxBytes is the longest proof: every line at its longest.
const MaxBytes = len(header+extraPrefix+"\n"+indexPrefix+"9223372036854775807\n\n") +
	(MaxExtraBytes+2)/3*4 + MaxHashes*hashLineBytes + checkpoint.MaxSignedBytes

const (
	header        = "c2sp.org/tlog-proof@v1\n"
	extraPrefix   = "extra "
	indexPrefix   = "index "
	hashLineBytes = 44 + len("\n") // base64 of 32 bytes
)

// Proof is a tlog-proof. Nothing about it is verified: Extra in particular is
// whatever the sender wrote there.
type Proof struct {
	Extra      []byte     // opaque data of the application, or empty
	Index      uint64     // of the entry, from 0
	Hashes     [][32]byte // from the leaf's sibling up to the root's child
	Checkpoint []byte     // signed checkpoint
}

// Parse parses a proof. It accepts exactly the bytes that [Proof.Marshal]
// writes, and a checkpoint only if [checkpoint.ParseSigned] does. It verifies
// nothing. Checkpoint aliases data.
func Parse(data []byte) (*Proof, error) {
	if len(data) > MaxBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "proof of %d bytes: at most %d are read", len(data), MaxBytes)
	}
	rest, ok := bytes.CutPrefix(data, []byte(header))
	if !ok {
		return nil, verdict.Errorf(verdict.Malformed, "line 1", "not the header of a tlog-proof")
	}
	l := &lines{rest: rest, read: 1}
	p := &Proof{}
	var err error
	if p.Extra, err = l.extra(); err != nil {
		return nil, err
	}
	if p.Index, err = l.index(); err != nil {
		return nil, err
	}
	if p.Hashes, err = l.hashes(); err != nil {
		return nil, err
	}
	if _, err := checkpoint.ParseSigned(l.rest); err != nil {
		return nil, fmt.Errorf("parse checkpoint of proof: %w", err)
	}
	p.Checkpoint = l.rest
	return p, nil
}

// Marshal returns the proof as [Parse] reads it, if its parts are valid.
func (p *Proof) Marshal() []byte {
	size := len(header+extraPrefix+"\n"+indexPrefix+"\n\n") + 20 +
		base64.StdEncoding.EncodedLen(len(p.Extra)) + len(p.Hashes)*hashLineBytes + len(p.Checkpoint)
	b := append(make([]byte, 0, size), header...)
	// SPEC tlog-proof: if no extra data is present, this line is omitted.
	if len(p.Extra) > 0 {
		b = append(b, extraPrefix...)
		b = append(base64.StdEncoding.AppendEncode(b, p.Extra), '\n')
	}
	b = append(b, indexPrefix...)
	b = append(strconv.AppendUint(b, p.Index, 10), '\n')
	for i := range p.Hashes {
		b = append(base64.StdEncoding.AppendEncode(b, p.Hashes[i][:]), '\n')
	}
	b = append(b, '\n')
	return append(b, p.Checkpoint...)
}

// lines reads a proof line by line.
type lines struct {
	rest []byte
	read int // number of lines read, so that errors can name the line
}

// next returns the next line without its newline.
func (l *lines) next() (string, error) {
	line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
	l.read++
	if !ok {
		return "", l.errorf("proof ends within a line")
	}
	l.rest = rest
	return string(line), nil
}

func (l *lines) errorf(format string, args ...any) error {
	return verdict.Errorf(verdict.Malformed, "line "+strconv.Itoa(l.read), format, args...)
}

// extra reads the extra line, if the next line is one.
func (l *lines) extra() ([]byte, error) {
	if !bytes.HasPrefix(l.rest, []byte(extraPrefix)) {
		return nil, nil
	}
	line, err := l.next()
	if err != nil {
		return nil, err
	}
	encoded := line[len(extraPrefix):]
	if len(encoded) > base64.StdEncoding.EncodedLen(MaxExtraBytes) {
		return nil, verdict.Errorf(verdict.TooLarge, "line 2", "extra data over %d bytes", MaxExtraBytes)
	}
	extra, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(extra) == 0 || base64.StdEncoding.EncodedLen(len(extra)) != len(encoded) {
		return nil, l.errorf("extra data is not the canonical base64 of some bytes")
	}
	return extra, nil
}

func (l *lines) index() (uint64, error) {
	line, err := l.next()
	if err != nil {
		return 0, err
	}
	decimal, ok := strings.CutPrefix(line, indexPrefix)
	if !ok {
		return 0, l.errorf("not an index line")
	}
	// SPEC tlog-proof: an ASCII decimal with no leading zeroes.
	index, err := checkpoint.ParseSize(decimal)
	if err != nil {
		return 0, l.errorf("index is not a canonical decimal number below 2^63")
	}
	return index, nil
}

// hashes reads hash lines and the empty line after them.
func (l *lines) hashes() (hashes [][32]byte, err error) {
	for {
		line, err := l.next()
		if err != nil {
			return nil, err
		}
		if line == "" {
			return hashes, nil
		}
		if len(hashes) == MaxHashes {
			return nil, l.errorf("more than %d hashes", MaxHashes)
		}
		hash, err := checkpoint.ParseHash(line)
		if err != nil {
			return nil, l.errorf("hash is not the canonical base64 of 32 bytes")
		}
		hashes = append(hashes, hash)
	}
}
