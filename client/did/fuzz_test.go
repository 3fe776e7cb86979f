package did

import (
	"bytes"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
)

func FuzzParseDocument(f *testing.F) {
	data := sample(f).Canonical()
	f.Add(data)
	for i := 0; i < len(data); i += 1 + len(data)/100 {
		f.Add(data[:i])
		for _, b := range []byte(`"{}[],:\0#`) {
			other := bytes.Clone(data)
			other[i] = b
			f.Add(other)
		}
	}
	f.Add([]byte(`{"id":"did:x:y","assertionMethod":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := ParseDocument(data)
		if err != nil {
			switch verdict.CodeOf(err) {
			case verdict.Malformed, verdict.TooLarge, verdict.SchemaInvalid:
				return
			}
			t.Fatalf("code %q: %v", verdict.CodeOf(err), err)
		}
		again, err := ParseDocument(doc.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), doc.Canonical()) || again.DID() != doc.DID() {
			t.Fatalf("the canonical form is read otherwise: %v", err)
		}
		for id := range doc.methods {
			if !strings.HasPrefix(id, "did:") {
				t.Errorf("a method has the relative id %q", id)
			}
			key, err := doc.AssertionKey(id)
			if err == nil && !doc.assertion[id] {
				t.Errorf("%s makes assertions without being allowed to", id)
			}
			if other, err2 := again.AssertionKey(id); (err == nil) != (err2 == nil) || !bytes.Equal(key, other) {
				t.Errorf("%s: %v, then %v", id, err, err2)
			}
		}
	})
}

func FuzzDecodeKey(f *testing.F) {
	for _, s := range knownKeys {
		f.Add(s)
		for i := range s {
			f.Add(s[:i] + s[i+1:])
			f.Add(s[:i] + "1" + s[i+1:])
			f.Add(s[:i] + "\xff" + s[i+1:])
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := DecodeKey(s)
		if err == nil && EncodeKey(key) != s {
			t.Errorf("%q and %q are the same key", s, EncodeKey(key))
		}
	})
}

func FuzzSyntax(f *testing.F) {
	for _, s := range []string{"did:web:armalo.ai#key-1", "did:web:localhost%3A8443:a:b", "did:key:z6Mk#z6Mk", "did:x:%4", "did:x:y#a#b", "#k", "did::", "did:x:y:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, fragment, err := SplitURL(s)
		if err == nil && (id+"#"+fragment != s || Check(id) != nil || Method(id) == "") {
			t.Errorf("%q is split into %q and %q", s, id, fragment)
		}
		if Check(s) == nil && (strings.ContainsAny(s, "#/? \n") || !strings.HasPrefix(s, "did:")) {
			t.Errorf("%q is taken for a DID", s)
		}
		if doc, err := KeyDocument(s); err == nil && doc.DID() != s {
			t.Errorf("the document of %q is of %q", s, doc.DID())
		}
	})
}
