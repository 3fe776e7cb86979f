package procurement

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
)

// scanned is a line as scanLine reads it. Checkpoint and Issuer of the bundle are
// still paths.
type scanned struct {
	bundle             bundle.Bundle
	checkpoint, issuer string
	receipt            *receipt.Receipt
}

const (
	// saltMember ends a line, with the salt in it.
	saltMember = `,"salt":"`
	saltLength = len(saltMember) + 2*entry.SaltSize + len(`"}`)
	// hashLength is a hash in base64.
	hashLength = 44
	// plainDigits is how many digits an index may have here: any such number is
	// exact in a double.
	plainDigits = 15
)

// scanLine reads a line that stands exactly as [Writer] writes it, in one pass and
// without making a tree of it. Every honest line does; ok is false for all else,
// which is for parsePart to judge. The bundle refers to text.
//
// It never reads a line in another way than parsePart would: every piece of the
// line is held to its canonical form, the receipt by package receipt, the entry by
// package entry.
func scanLine(text []byte) (l scanned, ok bool) {
	if len(text) > maxLineBytes || len(text) < saltLength {
		return l, false
	}
	s := scanner{rest: text[:len(text)-saltLength]}
	l.checkpoint = s.plain(`{"checkpoint":"`)
	l.bundle.Entry = s.until(`","entry":`, []byte(`,"inclusion":[`))
	l.bundle.Hashes = s.hashes()
	l.bundle.Index = s.number(`],"index":`)
	if s.has(`,"issuer":"`) {
		if l.issuer = s.plain(`,"issuer":"`); l.issuer == "" {
			return l, false
		}
		s.skip(`"`)
	}
	s.skip(`,"receipt":`)
	l.bundle.Receipt = s.rest
	if s.failed || !scanSalt(text[len(text)-saltLength:], &l.bundle.Salt) {
		return l, false
	}
	if e, err := entry.Parse(l.bundle.Entry); err != nil || e.Kind() != entry.KindReceipt {
		return l, false
	}
	var err error
	l.receipt, err = receipt.Parse(l.bundle.Receipt)
	return l, err == nil && bytes.Equal(l.receipt.Canonical(), l.bundle.Receipt)
}

func scanSalt(tail []byte, salt *[entry.SaltSize]byte) bool {
	digits, ok := bytes.CutPrefix(bytes.TrimSuffix(tail, []byte(`"}`)), []byte(saltMember))
	if !ok || len(digits) != 2*len(salt) || bytes.ContainsAny(digits, "ABCDEF") {
		return false
	}
	_, err := hex.Decode(salt[:], digits)
	return err == nil
}

// scanner walks over a line. Once something is not as expected it has failed.
type scanner struct {
	rest   []byte
	failed bool
}

func (s *scanner) has(before string) bool { return bytes.HasPrefix(s.rest, []byte(before)) }

// skip skips what must come next.
func (s *scanner) skip(before string) {
	if !s.has(before) {
		s.failed = true
		return
	}
	s.rest = s.rest[len(before):]
}

// plain skips what comes before a path and returns it, up to its closing quote.
func (s *scanner) plain(before string) string {
	s.skip(before)
	end := bytes.IndexByte(s.rest, '"')
	if s.failed || end < 0 || !isPath(string(s.rest[:end])) {
		s.failed = true
		return ""
	}
	path := string(s.rest[:end])
	s.rest = s.rest[end:]
	return path
}

// until skips what comes before a value, and returns it and skips what comes after.
// Where that also occurs within the value, what is returned is no JSON.
func (s *scanner) until(before string, after []byte) []byte {
	s.skip(before)
	end := bytes.Index(s.rest, after)
	if s.failed || end < 0 {
		s.failed = true
		return nil
	}
	value := s.rest[:end:end]
	s.rest = s.rest[end+len(after):]
	return value
}

// hashes reads the elements of a list of hashes, up to its closing bracket.
func (s *scanner) hashes() [][32]byte {
	if s.has(`]`) {
		return [][32]byte{}
	}
	hashes := make([][32]byte, 0, 24)
	for {
		if len(s.rest) < hashLength+3 || s.rest[0] != '"' || s.rest[1+hashLength] != '"' {
			break
		}
		var raw [33]byte
		text := s.rest[1 : 1+hashLength]
		n, err := strictBase64.Decode(raw[:], text)
		if err != nil || n != 32 || bytes.ContainsAny(text, "\r\n") {
			break
		}
		hashes = append(hashes, [32]byte(raw[:]))
		s.rest = s.rest[hashLength+2:]
		if s.rest[0] != ',' {
			return hashes // if it is not the bracket, what comes next will say so
		}
		s.rest = s.rest[1:]
	}
	s.failed = true
	return nil
}

var strictBase64 = base64.StdEncoding.Strict()

// number skips what comes before a number and reads it.
func (s *scanner) number(before string) uint64 {
	s.skip(before)
	n := 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	if s.failed || n == 0 || n > plainDigits || n > 1 && s.rest[0] == '0' {
		s.failed = true
		return 0
	}
	v, err := strconv.ParseUint(string(s.rest[:n]), 10, 64)
	s.failed = err != nil
	s.rest = s.rest[n:]
	return v
}
