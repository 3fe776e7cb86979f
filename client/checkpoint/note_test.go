package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// The example of C2SP signed-note.
const (
	fooVKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
	fooNote = "This is an example message.\n\n" +
		"— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

func TestSignedNoteExample(t *testing.T) {
	v, err := checkpoint.NewVerifier(fooVKey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := checkpoint.ParseNote([]byte(fooNote))
	if err != nil {
		t.Fatal(err)
	}
	got, err := n.Verify(v)
	if err != nil || len(got) != 1 || !got[0].Time.IsZero() {
		t.Fatalf("Verify = %+v, %v; want one signature without time", got, err)
	}
}

func TestCosignatureExample(t *testing.T) {
	n, err := checkpoint.ParseNote([]byte(sofaSigned))
	if err != nil {
		t.Fatal(err)
	}
	if string(n.Text) != sofaBody || len(n.Signatures) != 2 || !bytes.Equal(n.Marshal(), []byte(sofaSigned)) {
		t.Fatalf("note is %+v", n)
	}
	s := n.Signatures[1]
	const timestamp = "\x00\x00\x00\x00\x64\x18\x50\xcb" // 1679315147, as in the text of the specification
	if s.Name != "witness.example.com/w1" || s.KeyHash != 0x8d66cf3f || !bytes.HasPrefix(s.Value, []byte(timestamp)) || len(s.Value) != 72 {
		t.Errorf("cosignature is %+v", s)
	}
}

const line = "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"

var goodNotes = []string{
	sofaSigned,
	fooNote,
	"text\n\nwith empty lines\n\n\n" + "\n" + line,
	"text\n\n" + strings.Repeat(line, checkpoint.MaxSignatures),
	"text\n\n— ünïcode AAAAAAA=\n",
}

// badNotes says what is wrong with each.
var badNotes = map[string]string{
	"empty":                     "",
	"no signatures":             "text\n",
	"no signature line":         "text\n\n",
	"no empty line":             "text\n" + line,
	"no newline at the end":     "text\n\n" + strings.TrimSuffix(line, "\n"),
	"text after signatures":     "text\n\n" + line + "text\n",
	"hyphen for em dash":        "text\n\n- " + strings.TrimPrefix(line, "— "),
	"no name":                   "text\n\n—  AAAAAAA=\n",
	"plus in name":              "text\n\n— a+b AAAAAAA=\n",
	"Unicode space in name":     "text\n\n— a\u00a0b AAAAAAA=\n",
	"two spaces":                "text\n\n— a  AAAAAAA=\n",
	"no base64":                 "text\n\n— a\n",
	"empty base64":              "text\n\n— a \n",
	"space after base64":        "text\n\n— a AAAAAAA= \n",
	"key ID only":               "text\n\n— a AAAAAA==\n",
	"spare bits":                "text\n\n— a AAAAAAB=\n",
	"no padding":                "text\n\n— a AAAAAAA\n",
	"URL alphabet":              "text\n\n— a AAAAA_8=\n",
	"tab":                       "te\txt\n\n" + line,
	"carriage return":           "text\r\n\n" + line,
	"control character in name": "text\n\n— a\x1fb AAAAAAA=\n",
	"name not UTF-8":            "text\n\n— a\xffb AAAAAAA=\n",
	"carriage return in base64": "text\n\n— a AAAA\rAAA=\n",
	"not UTF-8":                 "te\xffxt\n\n" + line,
}

func TestParseNote(t *testing.T) {
	for _, data := range goodNotes {
		n, err := checkpoint.ParseNote([]byte(data))
		if err != nil {
			t.Errorf("ParseNote(%q): %v", data, err)
		} else if got := n.Marshal(); string(got) != data {
			t.Errorf("note %q is written as %q", data, got)
		}
	}
	for name, data := range badNotes {
		if _, err := checkpoint.ParseNote([]byte(data)); verdict.CodeOf(err) != verdict.CheckpointInvalid {
			t.Errorf("%s: error %v, want code checkpoint_invalid", name, err)
		}
	}
}

func TestParseNoteBounds(t *testing.T) {
	for name, data := range map[string]string{
		"101 signatures": "text\n\n" + strings.Repeat(line, checkpoint.MaxSignatures+1),
		"a megabyte":     strings.Repeat("x", checkpoint.MaxSignedBytes) + "\n\n" + line,
	} {
		if _, err := checkpoint.ParseNote([]byte(data)); verdict.CodeOf(err) != verdict.TooLarge {
			t.Errorf("%s: error %v, want code too_large", name, err)
		}
	}
	if _, err := checkpoint.ParseSignatures(make([]byte, checkpoint.MaxSignedBytes+1)); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("signature lines without end: error %v, want code too_large", err)
	}
}

// Two public keys that have the same key ID under one name, found by trial. (No
// secret belongs to either.)
const (
	collisionA = "example.com/log+cb30a249+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGnq"
	collisionB = "example.com/log+cb30a249+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAALM/"
)

func TestVerifyRefusesAmbiguousKeys(t *testing.T) {
	a, b := newVerifier(t, collisionA), newVerifier(t, collisionB)
	n := &checkpoint.Note{
		Text:       []byte(sofaBody),
		Signatures: []checkpoint.Signature{{Name: a.Name(), KeyHash: a.KeyHash(), Value: make([]byte, 64)}},
	}
	for _, tt := range []struct {
		what  string
		known []*checkpoint.Verifier
		want  string
	}{
		{"two keys of one name and ID", []*checkpoint.Verifier{a, b}, "two known keys"},
		{"one key listed twice", []*checkpoint.Verifier{a, a}, "does not verify"},
	} {
		if _, err := n.Verify(tt.known...); verdict.CodeOf(err) != verdict.CheckpointInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.what, err, tt.want)
		}
	}
}

// FuzzParseNote holds that a note has one spelling, and that the reference
// implementation accepts every note that we accept.
func FuzzParseNote(f *testing.F) {
	for _, data := range goodNotes {
		f.Add([]byte(data))
	}
	for _, data := range badNotes {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := checkpoint.ParseNote(data)
		if err != nil {
			return
		}
		if got := n.Marshal(); !bytes.Equal(got, data) {
			t.Fatalf("%q is written as %q", data, got)
		}
		_, err = note.Open(data, note.VerifierList())
		unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
		if !ok {
			t.Fatalf("x/mod refuses %q: %v", data, err)
		}
		if unverified.Note.Text != string(n.Text) {
			t.Fatalf("x/mod reads text %q, we read %q", unverified.Note.Text, n.Text)
		}
		compareSignatures(t, n.Signatures, unverified.Note.UnverifiedSigs)
	})
}

// compareSignatures compares with what x/mod reads, which leaves out repeated
// lines.
func compareSignatures(t *testing.T, ours []checkpoint.Signature, theirs []note.Signature) {
	t.Helper()
	seen := make(map[string]bool)
	ours = slices.DeleteFunc(slices.Clone(ours), func(s checkpoint.Signature) bool {
		repeated := seen[string(s.Line)]
		seen[string(s.Line)] = true
		return repeated
	})
	if len(ours) != len(theirs) {
		t.Fatalf("%d signatures, x/mod reads %d", len(ours), len(theirs))
	}
	for i, s := range theirs {
		if s.Name != ours[i].Name || s.Hash != ours[i].KeyHash || string(ours[i].Line) != fmt.Sprintf("— %s %s\n", s.Name, s.Base64) {
			t.Fatalf("signature %d is %+v, x/mod reads %+v", i, ours[i], s)
		}
	}
}

// FuzzParseSignatures holds that what a witness replies has one spelling.
func FuzzParseSignatures(f *testing.F) {
	f.Add([]byte(line))
	f.Add([]byte(line + line))
	f.Add([]byte(line + "\n"))
	f.Add([]byte("— a AAAAAAA"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		signatures, err := checkpoint.ParseSignatures(lines)
		if err != nil {
			return
		}
		var joined []byte
		for _, s := range signatures {
			joined = append(joined, s.Line...)
		}
		if !bytes.Equal(joined, lines) {
			t.Fatalf("%q comes back as %q", lines, joined)
		}
	})
}
