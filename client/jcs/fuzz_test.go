package jcs

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

// addSeeds adds the examples of RFC 8785, whole and mangled.
func addSeeds(f *testing.F) {
	for _, tt := range examples {
		for _, text := range []string{tt.in, tt.want} {
			f.Add([]byte(text))
			for i := 0; i < len(text); i += 7 {
				f.Add([]byte(text[:i]))
				f.Add([]byte(text[:i] + text[min(i+1, len(text)):]))
				f.Add([]byte(text[:i] + "\xff" + text[i:]))
			}
		}
	}
	for _, tt := range numbers {
		f.Add([]byte("[" + tt.want + "]"))
	}
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(`["\ud800"]`))
	f.Add([]byte(strings.Repeat("[", 70)))
}

// FuzzCanonicalize compares with the independent implementation wherever both
// accept; it reads less strictly than we do. What comes out is a fixed point.
func FuzzCanonicalize(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Canonicalize(data, testLimit)
		if err != nil {
			return
		}
		again, err := Canonicalize(got, testLimit*6)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("twice: %s (%v), once: %s", again, err, got)
		}
		if c := got[0]; c != '{' && c != '[' {
			return // the peer takes objects and arrays only
		}
		peer, err := jsoncanonicalizer.Transform(data)
		if err != nil {
			t.Fatalf("the independent implementation refuses %q: %v", data, err)
		}
		if !bytes.Equal(peer, got) {
			t.Fatalf("%q:\nours  %s\npeer's %s", data, got, peer)
		}
	})
}

// FuzzFastPath holds the short cut for canonical input to what the long way
// says.
func FuzzFastPath(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if !isCanonical(data, MaxDepth) {
			return
		}
		long, err := format(data, MaxDepth)
		if err != nil || !bytes.Equal(long, data) {
			t.Fatalf("%q is taken for canonical; the long way makes it %q (%v)", data, long, err)
		}
	})
}

// FuzzNumber compares how doubles print.
func FuzzNumber(f *testing.F) {
	for _, tt := range numbers {
		f.Add(tt.bits)
		f.Add(tt.bits + 1)
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		want, err := jsoncanonicalizer.NumberToJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Canonicalize([]byte(want), testLimit)
		if err != nil || string(got) != want {
			t.Fatalf("%016x: got %s (%v), want %s", bits, got, err, want)
		}
	})
}

func TestFastPathIsTaken(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `-1`, `0.5`, `1e+30`, `true`, `false`, `null`, `"é"`, `"\n\"\\"`,
		`{"@context":["x"],"a":{"b":[1,2.5,{}]},"ab":null}`, strings.Repeat("[", 64) + strings.Repeat("]", 64),
	} {
		if !isCanonical([]byte(text), MaxDepth) {
			t.Errorf("%s goes the long way", text)
		}
	}
	for _, text := range []string{
		``, ` 0`, `0 `, `-0`, `00`, `1.0`, `1e2`, `1E+30`, `.5`, `"`, `"\/"`, `"\u0041"`, `"\`, "\"\x1f\"", "\"\xff\"", `{"b":1,"a":2}`, `{"a":1,"a":2}`,
		`{"a":1,}`, `[1,]`, `[1 ,2]`, `{"a"}`, `{"a":}`, `{`, `[`, `tru`, `1e999`, `9007199254740993`, strings.Repeat("[", 65) + strings.Repeat("]", 65),
	} {
		if isCanonical([]byte(text), MaxDepth) {
			t.Errorf("%s is taken for canonical", text)
		}
	}
}
