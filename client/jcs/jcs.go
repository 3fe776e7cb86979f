package jcs

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

// MaxDepth bounds how deeply objects and arrays may nest. Receipts and DID
// documents need about eight levels; the bound keeps recursive readers, ours
// and our peers', away from their stack's end.
const MaxDepth = 64

// envelopeDepth is how many levels a document that carries others may add to
// theirs: a bundle carries an issuer's entry, which carries a DID document.
const envelopeDepth = 4

// maxDetail bounds how much of the JSON reader's own words goes into an error,
// because they can quote a member name of any length.
const maxDetail = 200

// Canonicalize returns the RFC 8785 form of data in a slice of its own and
// leaves data alone. maxBytes bounds the length of the input, and so, within a
// factor of six for escaped control characters, that of the output.
//
// The codes are too_large for input beyond maxBytes and malformed for all
// else; the path of an error names the member where that is known.
func Canonicalize(data []byte, maxBytes int) ([]byte, error) {
	return canonicalize(data, maxBytes, MaxDepth)
}

// CanonicalizeEnvelope is [Canonicalize] for a document that carries others,
// each of which may itself be [MaxDepth] levels deep.
func CanonicalizeEnvelope(data []byte, maxBytes int) ([]byte, error) {
	return canonicalize(data, maxBytes, MaxDepth+envelopeDepth)
}

func canonicalize(data []byte, maxBytes, maxDepth int) ([]byte, error) {
	if len(data) > maxBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "is %d bytes long, and at most %d are accepted", len(data), maxBytes)
	}
	if isCanonical(data, maxDepth) {
		return bytes.Clone(data), nil
	}
	return format(data, maxDepth)
}

// format is the long way, for any input.
func format(data []byte, maxDepth int) ([]byte, error) {
	if err := scan(data, maxDepth); err != nil {
		return nil, err
	}
	// SPEC RFC 7493 2.1 and 2.3: without further options jsontext refuses
	// invalid UTF-8, lone surrogates and duplicate names.
	out, err := jsontext.AppendFormat(make([]byte, 0, len(data)), data,
		jsontext.CanonicalizeRawInts(true),
		jsontext.CanonicalizeRawFloats(true),
		jsontext.ReorderRawObjects(true))
	if err != nil {
		return nil, malformed(err)
	}
	return out, nil
}

// malformed puts the error of the JSON reader into our words, with the path as
// everywhere else in receiptlog: credentialSubject.build.files[2].path.
func malformed(err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return verdict.Errorf(verdict.Malformed, "", "is not JSON: %s", clip(err.Error()))
	}
	if errors.Is(syntax.Err, jsontext.ErrDuplicateName) {
		return verdict.Errorf(verdict.Malformed, clip(Path(syntax.JSONPointer)), "the name occurs twice, at byte %d", syntax.ByteOffset)
	}
	return verdict.Errorf(verdict.Malformed, clip(Path(syntax.JSONPointer)), "is not strict JSON at byte %d: %s", syntax.ByteOffset, clip(syntax.Err.Error()))
}

// Path writes a JSON pointer the way receiptlog's errors name places:
// "/proof/0/type" is "proof[0].type". A member whose name is a number cannot be
// told from an array element and is written like one.
func Path(pointer jsontext.Pointer) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		if isIndex(token) {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		if quoted := strconv.Quote(token); len(quoted) != len(token)+2 {
			token = quoted // control characters stay out of terminals
		}
		b.WriteString(token)
	}
	return b.String()
}

func isIndex(token string) bool {
	for _, c := range token {
		if c < '0' || c > '9' {
			return false
		}
	}
	return token != ""
}

// clip shortens s to maxDetail bytes on a rune boundary.
func clip(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + "..."
}
