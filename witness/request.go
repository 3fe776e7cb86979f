package witness

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// MaxProofLines bounds a consistency proof. SPEC tlog-witness: "The client MUST
// NOT send more than 63 consistency proof lines."
const MaxProofLines = 63

// MaxRequestBytes bounds a request body: a size or range line, 64 lines of hashes
// of 45 bytes each, and a checkpoint with 16 signatures (SPEC signed-note: the
// least a verifier must take) of up to 5 kB, rounded up generously.
const MaxRequestBytes = 128 << 10

// AddRequest is a parsed add-checkpoint request. Nothing in it is verified.
type AddRequest struct {
	OldSize    uint64
	Proof      [][32]byte
	Checkpoint checkpoint.Checkpoint
	Note       *checkpoint.Note // the signed checkpoint
}

// ParseAddRequest parses the body of an add-checkpoint request:
//
//	old <size>
//	<base64 of a hash>      0 to 63 times
//
//	<checkpoint>
//
// Errors are refusals for the reason Malformed.
func ParseAddRequest(body []byte) (*AddRequest, error) {
	head, signed, err := splitRequest(body)
	if err != nil {
		return nil, err
	}
	size, ok := strings.CutPrefix(head[0], "old ")
	if !ok {
		return nil, refuse(Malformed, "line 1: want %q and a size", "old")
	}
	req := new(AddRequest)
	if req.OldSize, err = checkpoint.ParseSize(size); err != nil {
		return nil, refuse(Malformed, "line 1: old size: %v", err)
	}
	if req.Proof, err = parseProof(head[1:], 2); err != nil {
		return nil, err
	}
	req.Note, req.Checkpoint, err = parseSigned(signed)
	return req, err
}

// SubtreeRequest is a parsed sign-subtree request. Nothing in it is verified.
type SubtreeRequest struct {
	Start, End uint64 // the half-open range of leaves, a valid subtree
	Hash       [32]byte
	Proof      [][32]byte
	Checkpoint checkpoint.Checkpoint
	Note       *checkpoint.Note // the reference checkpoint
}

// ParseSubtreeRequest parses the body of a sign-subtree request:
//
//	subtree <start> <end>
//	<base64 of the subtree's hash>
//	<base64 of a hash>      0 to 63 times
//
//	<checkpoint>
//
// Errors are refusals for the reason Malformed.
func ParseSubtreeRequest(body []byte) (*SubtreeRequest, error) {
	head, signed, err := splitRequest(body)
	if err != nil {
		return nil, err
	}
	req := new(SubtreeRequest)
	if req.Start, req.End, err = parseRange(head[0]); err != nil {
		return nil, err
	}
	if len(head) < 2 {
		return nil, refuse(Malformed, "line 2: want the hash of the subtree")
	}
	if req.Hash, err = checkpoint.ParseHash(head[1]); err != nil {
		return nil, refuse(Malformed, "line 2: %v", err)
	}
	if req.Proof, err = parseProof(head[2:], 3); err != nil {
		return nil, err
	}
	if req.Note, req.Checkpoint, err = parseSigned(signed); err != nil {
		return nil, err
	}
	// SPEC tlog-witness: "end MUST be less than or equal to the checkpoint size."
	if req.End > req.Checkpoint.Size {
		return nil, refuse(Malformed, "subtree ends at %d, beyond the checkpoint of size %d", req.End, req.Checkpoint.Size)
	}
	return req, nil
}

// splitRequest cuts a body at its first empty line into the lines before it and
// the checkpoint after it.
func splitRequest(body []byte) (head []string, signed []byte, err error) {
	if len(body) > MaxRequestBytes {
		return nil, nil, refuse(Malformed, "request is longer than %d bytes", MaxRequestBytes)
	}
	before, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return nil, nil, refuse(Malformed, "request has no empty line before the checkpoint")
	}
	return strings.Split(string(before), "\n"), signed, nil
}

// parseProof parses proof lines, the first of which is the given line of the body.
func parseProof(lines []string, first int) ([][32]byte, error) {
	// SPEC tlog-witness: at most 63 consistency proof lines.
	if len(lines) > MaxProofLines {
		return nil, refuse(Malformed, "proof has %d lines, more than %d", len(lines), MaxProofLines)
	}
	proof := make([][32]byte, len(lines))
	for i, line := range lines {
		h, err := checkpoint.ParseHash(line)
		if err != nil {
			return nil, refuse(Malformed, "line %d: %v", first+i, err)
		}
		proof[i] = h
	}
	return proof, nil
}

func parseSigned(signed []byte) (*checkpoint.Note, checkpoint.Checkpoint, error) {
	n, err := checkpoint.ParseNote(signed)
	if err != nil {
		return nil, checkpoint.Checkpoint{}, refuse(Malformed, "checkpoint: %v", err)
	}
	// SPEC tlog-checkpoint: extension lines are OPTIONAL, and a log's own affair.
	c, _, err := checkpoint.ParseExtended(n.Text)
	if err == nil {
		return n, c, nil
	}
	if c, ok := parseRootedZero(n.Text); ok {
		return n, c, nil
	}
	return nil, checkpoint.Checkpoint{}, refuse(Malformed, "checkpoint: %v", err)
}

// parseRootedZero parses the one checkpoint that package checkpoint calls
// malformed and the specification of witnesses does not: of size zero, with a root
// other than that of the empty tree. SPEC tlog-witness: that is a 422, in its turn.
func parseRootedZero(body []byte) (checkpoint.Checkpoint, bool) {
	lines := strings.SplitAfterN(string(body), "\n", 4)
	if len(lines) != 4 || lines[1] != "0\n" {
		return checkpoint.Checkpoint{}, false
	}
	root, err := checkpoint.ParseHash(strings.TrimSuffix(lines[2], "\n"))
	if err != nil {
		return checkpoint.Checkpoint{}, false
	}
	empty := checkpoint.EmptyRoot()
	lines[2] = base64.StdEncoding.EncodeToString(empty[:]) + "\n"
	c, _, err := checkpoint.ParseExtended([]byte(strings.Join(lines, "")))
	c.Root = root
	return c, err == nil
}

// parseRange parses the line "subtree <start> <end>".
func parseRange(line string) (start, end uint64, err error) {
	rest, ok := strings.CutPrefix(line, "subtree ")
	from, to, two := strings.Cut(rest, " ")
	if !ok || !two {
		return 0, 0, refuse(Malformed, "line 1: want %q, a start and an end", "subtree")
	}
	if start, err = checkpoint.ParseSize(from); err != nil {
		return 0, 0, refuse(Malformed, "line 1: start: %v", err)
	}
	if end, err = checkpoint.ParseSize(to); err != nil {
		return 0, 0, refuse(Malformed, "line 1: end: %v", err)
	}
	// SPEC draft-ietf-plants-merkle-tree-certs, section 4.1: 0 <= start < end, and
	// start is a multiple of the least power of two that is not below end-start.
	if start == end || !checkpoint.ValidSubtree(start, end) {
		return 0, 0, refuse(Malformed, "line 1: [%d, %d) is not a subtree", start, end)
	}
	return start, end, nil
}
