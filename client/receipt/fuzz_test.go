package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json/v2"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/mr-tron/base58"
)

// mangle seeds a fuzz target with data and with short work of it: cut,
// doubled, and each byte that JSON cares about exchanged for another.
func mangle(f *testing.F, data []byte) {
	f.Add(data)
	for i := 0; i < len(data); i += 1 + len(data)/64 {
		f.Add(data[:i])
		f.Add(append(bytes.Clone(data[:i]), data[i:]...))
		for _, b := range []byte(`"{}[],:\0-`) {
			other := bytes.Clone(data)
			other[i] = b
			f.Add(other)
		}
	}
}

func FuzzParse(f *testing.F) {
	mangle(f, read(f, "minimal.json"))
	mangle(f, sign(f, read(f, "full.json"), 1, SignOptions{}))
	f.Add([]byte(`{"@context":[`))
	f.Add([]byte("\xff"))
	doc := issuerDocument(f)
	schema := compileSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			switch verdict.CodeOf(err) {
			case verdict.Malformed, verdict.TooLarge, verdict.SchemaInvalid:
			default:
				t.Fatalf("code %q: %v", verdict.CodeOf(err), err)
			}
			return
		}
		again, err := Parse(r.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), r.Canonical()) {
			t.Fatalf("the canonical form is read otherwise: %v", err)
		}
		var value any
		if err := json.Unmarshal(r.Canonical(), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Fatalf("Parse accepts what the schema refuses: %v", err)
		}
		r.Verify(doc)
		r.ConfigurationHash()
		r.Publishable()
	})
}

func FuzzSign(f *testing.F) {
	mangle(f, read(f, "minimal.json"))
	doc := issuerDocument(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		signed, err := Sign(data, testKey(1), SignOptions{VerificationMethod: issuerID + "#key-1", Created: signedAt})
		if err != nil {
			return
		}
		r, err := Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(doc); err != nil {
			t.Fatal(err)
		}
	})
}

// A signature has one proofValue and no second, or a receipt could be changed
// without its signer.
func FuzzProofValue(f *testing.F) {
	good := "z" + base58.Encode(ed25519.Sign(testKey(1), nil))
	f.Add(good)
	f.Add("z" + base58.Encode(make([]byte, ed25519.SignatureSize)))
	for i := range good {
		f.Add(good[:i])
		f.Add(good[:i] + "1" + good[i:])
		f.Add(good[:i] + "z" + good[min(i+1, len(good)):])
	}
	f.Add("z" + string(bytes.Repeat([]byte{'z'}, 88)))
	f.Add("z\xff")
	f.Fuzz(func(t *testing.T, s string) {
		signature, err := decodeProofValue(s)
		if err != nil {
			return
		}
		if again := "z" + base58.Encode(signature); again != s {
			t.Errorf("%q and %q are the same signature", s, again)
		}
	})
}

func FuzzStamp(f *testing.F) {
	for _, s := range stamps {
		f.Add(s.(string))
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := parseStamp(s)
		if !ok {
			return
		}
		// It is a time for the standard library too, to the nanosecond.
		same, err := time.Parse(time.RFC3339Nano, at.Format(time.RFC3339Nano))
		if err != nil || !same.Equal(at) {
			t.Errorf("%q is %v, which prints as another time: %v", s, at, err)
		}
	})
}
