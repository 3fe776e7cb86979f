package checkpoint

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/verdict"
)

// MaxSignedBytes is the longest signed note. It is the bound of the reference
// implementation, golang.org/x/mod/sumdb/note, which refuses longer ones too.
const MaxSignedBytes = 1_000_000

// MaxSignatures is the most signature lines in a note. SPEC signed-note: at
// least 16; the reference implementation takes 100.
const MaxSignatures = 100

// signaturePrefix begins a signature line: em dash, space.
const signaturePrefix = "— "

// keyHashSize is the length of the key ID before the signature bytes.
const keyHashSize = 4

// Note is a signed note whose signatures have not been verified:
//
//	text, one or more lines
//
//	— <key name> base64(key ID || signature)
type Note struct {
	Text       []byte // what is signed, including its last newline
	Signatures []Signature
}

// Signature is one signature line of a note. Nothing about it is verified.
type Signature struct {
	Name    string // key name
	KeyHash uint32 // key ID, an identifier and no more: anyone can match it
	Value   []byte // signature bytes after the key ID
	Line    []byte // the line as it stands, including its newline
}

// ParseNote splits a signed note into its text and its signature lines, all of
// which must be well formed, including those by unknown keys. It verifies
// nothing. Text and Line alias data, which must not change while they are used.
func ParseNote(data []byte) (*Note, error) {
	if len(data) > MaxSignedBytes {
		return nil, tooLarge("signed note of %d bytes: at most %d are read", len(data), MaxSignedBytes)
	}
	// SPEC signed-note: the last empty line separates text and signatures.
	split := bytes.LastIndex(data, []byte("\n\n"))
	if split < 0 {
		return nil, invalid("signed note has no empty line before its signatures")
	}
	text := data[: split+1 : split+1]
	// SPEC signed-note: valid UTF-8, no ASCII control characters but newline.
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return isControl(r) && r != '\n' }) {
		return nil, invalid("signed note is not UTF-8 text without control characters")
	}
	signatures, err := ParseSignatures(data[split+2:])
	if err != nil {
		return nil, err
	}
	return &Note{Text: text, Signatures: signatures}, nil
}

// ParseSignatures parses one or more signature lines without a text, such as a
// witness's reply, under the bounds of [ParseNote]. Line aliases lines.
func ParseSignatures(lines []byte) ([]Signature, error) {
	if len(lines) > MaxSignedBytes {
		return nil, tooLarge("signature lines of %d bytes: at most %d are read", len(lines), MaxSignedBytes)
	}
	if len(lines) == 0 {
		return nil, invalid("there is no signature line")
	}
	n := bytes.Count(lines, []byte("\n"))
	if n > MaxSignatures {
		return nil, tooLarge("%d signature lines: at most %d are read", n, MaxSignatures)
	}
	signatures := make([]Signature, 0, n)
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			return nil, invalid("signature line does not end in a newline")
		}
		s, ok := parseSignature(lines[:end:end])
		if !ok {
			return nil, invalid("signature line is not an em dash, a key name and canonical base64")
		}
		signatures = append(signatures, s)
		lines = lines[end:]
	}
	return signatures, nil
}

// parseSignature parses a line that ends in its only newline.
func parseSignature(line []byte) (Signature, bool) {
	rest, ok := strings.CutPrefix(string(line[:len(line)-1]), signaturePrefix)
	if !ok {
		return Signature{}, false
	}
	name, encoded, _ := strings.Cut(rest, " ")
	value, ok := decodeBase64(encoded)
	if !ok || !validName(name) || len(value) <= keyHashSize {
		return Signature{}, false
	}
	return Signature{
		Name:    name,
		KeyHash: binary.BigEndian.Uint32(value),
		Value:   value[keyHashSize:],
		Line:    line,
	}, true
}

// Marshal returns the note that [ParseNote] reads: the text, an empty line, and
// the lines of the signatures in their order.
func (n *Note) Marshal() []byte {
	size := len(n.Text) + 1
	for _, s := range n.Signatures {
		size += len(s.Line)
	}
	data := append(make([]byte, 0, size), n.Text...)
	data = append(data, '\n')
	for _, s := range n.Signatures {
		data = append(data, s.Line...)
	}
	return data
}

func tooLarge(format string, args ...any) error {
	return verdict.Errorf(verdict.TooLarge, "", format, args...)
}
