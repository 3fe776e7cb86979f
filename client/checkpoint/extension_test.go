package checkpoint_test

import (
	"bytes"
	"strings"
	"testing"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

var (
	goodExtensions = []string{"a\n", "a\nb\n", " \n", "\u2014 a b\n", "Timestamp: 1689748607742585419\n", "\u007f\u0085\u2028\n"}
	badExtensions  = map[string]string{
		"no last newline":        "a",
		"second without newline": "a\nb",
		"empty":                  "\n",
		"empty before":           "\na\n",
		"empty after":            "a\n\n",
		"tab":                    "a\tb\n",
		"carriage return":        "a\r\n",
		"zero":                   "\x00\n",
		"not UTF-8":              "\xff\n",
	}
)

func TestParseExtended(t *testing.T) {
	for _, body := range goodBodies {
		want, err := checkpoint.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range append([]string{""}, goodExtensions...) {
			c, extensions, err := checkpoint.ParseExtended([]byte(body + e))
			if err != nil || c != want || string(extensions) != e {
				t.Errorf("%q: got %+v, %q, %v", body+e, c, extensions, err)
			}
		}
		for name, e := range badExtensions {
			if _, _, err := checkpoint.ParseExtended([]byte(body + e)); verdict.CodeOf(err) != verdict.CheckpointInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, body := range badBodies {
		if name == "extension line" {
			continue
		}
		if c, _, err := checkpoint.ParseExtended([]byte(body)); verdict.CodeOf(err) != verdict.CheckpointInvalid {
			t.Errorf("%s: got %+v, %v; want code checkpoint_invalid", name, c, err)
		}
	}
}

// FuzzParseExtended holds that a checkpoint with extension lines has one spelling,
// that torchwood reads in it what we do, and that it can be part of a note.
func FuzzParseExtended(f *testing.F) {
	for _, body := range goodBodies {
		for _, e := range append([]string{""}, goodExtensions...) {
			f.Add([]byte(body + e))
		}
		for _, e := range badExtensions {
			f.Add([]byte(body + e))
		}
	}
	for _, body := range badBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, extensions, err := checkpoint.ParseExtended(body)
		if err != nil {
			if _, err := checkpoint.Parse(body); err == nil {
				t.Fatalf("%q is a checkpoint without extension lines and not with", body)
			}
			return
		}
		if got := append(c.Body(), extensions...); !bytes.Equal(got, body) {
			t.Fatalf("%q is written as %q", body, got)
		}
		if _, err := checkpoint.Parse(body); (err == nil) != (len(extensions) == 0) {
			t.Fatalf("%q has extension lines %q, and Parse says %v", body, extensions, err)
		}
		theirs, err := torchwood.ParseCheckpoint(string(body))
		if err != nil || theirs.Origin != c.Origin || uint64(theirs.N) != c.Size || theirs.Hash != c.Root || theirs.Extension != string(extensions) {
			t.Fatalf("torchwood reads %+v, %v; want %+v and %q", theirs, err, c, extensions)
		}
		n, err := checkpoint.ParseNote(append(body, "\n\u2014 a AAAAAAA=\n"...))
		if err != nil || !bytes.Equal(n.Text, body) {
			t.Fatalf("as part of a note %q is %+v, %v", body, n, err)
		}
	})
}

// TestExtensionLinesInCosignatures: a key of type 0x04 signs extension lines, one of
// type 0x06 signs none, and a log's key of type 0x01 does not sign a checkpoint that
// has any.
func TestExtensionLinesInCosignatures(t *testing.T) {
	const extended, altered = sofaBody + "extension 1\nextension 2\n", sofaBody + "extension 1\nextension X\n"
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		s, v := newSigner(t, skey), newVerifier(t, vkey)
		sig, err := s.Sign([]byte(extended))
		if alg == checkpoint.Ed25519 {
			if err == nil || !strings.Contains(err.Error(), "extension lines") {
				t.Errorf("%v: signs extension lines: %v", alg, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		covers := alg == checkpoint.CosignatureEd25519
		if !v.Verify([]byte(extended), sig) || v.Verify([]byte(altered), sig) == covers || v.Verify([]byte(sofaBody), sig) == covers {
			t.Errorf("%v: covers extension lines: want %v", alg, covers)
		}
		if _, err := s.Sign([]byte(sofaBody + "\n")); err == nil || v.Verify([]byte(sofaBody+"\n"), sig) {
			t.Errorf("%v: signs an empty extension line", alg)
		}
		theirs, err := formats.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			t.Fatal(err)
		}
		if !theirs.Verify([]byte(extended), sig) {
			t.Errorf("%v: transparency-dev/formats refuses our cosignature on extension lines", alg)
		}
		signer, err := formats.NewSignerForCosignatureV1(skey)
		if err != nil {
			t.Fatal(err)
		}
		if sig, err = signer.Sign([]byte(extended)); err != nil || !v.Verify([]byte(extended), sig) {
			t.Errorf("%v: we refuse the cosignature of transparency-dev/formats: %v", alg, err)
		}
		if covers { // torchwood has no ML-DSA-44 on them
			theirs, err := torchwood.NewCosignatureVerifier(vkey)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := note.Open(sign(t, extended, s), note.VerifierList(theirs)); err != nil {
				t.Errorf("torchwood: %v", err)
			}
		}
	}
}
