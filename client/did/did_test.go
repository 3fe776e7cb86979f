package did

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/armalo/receiptlog/client/verdict"
)

func testKey(n byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
}

// The example of the did:key method specification, and the key of the W3C's
// eddsa-jcs-2022 test vector.
var knownKeys = []string{
	"z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
	"z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
}

func TestMultikey(t *testing.T) {
	for _, text := range append(knownKeys, EncodeKey(testKey(1)), EncodeKey(testKey(2))) {
		key, err := DecodeKey(text)
		if err != nil || EncodeKey(key) != text {
			t.Errorf("%s comes back as %x, %v", text, key, err)
		}
	}
	good := knownKeys[0]
	for name, text := range map[string]string{
		"empty":        "",
		"no multibase": good[1:],
		"another base": "u" + good[1:],
		"cut":          good[:47],
		"longer":       good + "1",
		"not base58":   good[:20] + "0" + good[21:],
		"X25519":       "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
		"very long":    "z" + strings.Repeat("6", 1<<20),
	} {
		if _, err := DecodeKey(text); verdict.CodeOf(err) != verdict.Malformed || len(err.Error()) > 300 {
			t.Errorf("%s: %.400v", name, err)
		}
	}
}

// Each key of small order verifies a signature that no private key made. That
// is why DecodeKey refuses it.
func TestSmallOrderKeysAreRefused(t *testing.T) {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1 // R is the neutral element, S is 0
	for _, y := range smallOrder {
		for _, sign := range []byte{0, 0x80} {
			key := y
			key[31] |= sign
			verified := false
			for n := range byte(64) {
				verified = verified || ed25519.Verify(key[:], []byte{n}, forged)
			}
			if !verified {
				t.Errorf("%x verifies nothing, so it is in the list without need", key)
			}
			if _, err := DecodeKey(EncodeKey(key[:])); verdict.CodeOf(err) != verdict.Malformed {
				t.Errorf("%x: %v", key, err)
			}
		}
	}
}

func TestKeyDocument(t *testing.T) {
	pub := testKey(1)
	doc, err := KeyDocument(KeyDID(pub))
	if err != nil {
		t.Fatal(err)
	}
	key, err := doc.AssertionKey(KeyMethodID(pub))
	if err != nil || !key.Equal(pub) || doc.DID() != KeyDID(pub) {
		t.Errorf("key %x of %s, error %v", key, doc.DID(), err)
	}
	want := `{"@context":["https://www.w3.org/ns/did/v1","https://w3id.org/security/multikey/v1"],"assertionMethod":["DID#KEY"],"id":"DID",` +
		`"verificationMethod":[{"controller":"DID","id":"DID#KEY","publicKeyMultibase":"KEY","type":"Multikey"}]}`
	want = strings.NewReplacer("DID", KeyDID(pub), "KEY", EncodeKey(pub)).Replace(want)
	if got := string(doc.Canonical()); got != want {
		t.Errorf("document %s\nwant %s", got, want)
	}
	for _, did := range []string{"", "did:key:", "did:key:z6Mk", "did:web:example.com", KeyDID(pub) + "#x", KeyDID(pub) + ":x"} {
		if _, err := KeyDocument(did); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("KeyDocument(%q): %v", did, err)
		}
	}
}

const web = "did:web:armalo.ai"

// sample has a usable key of each kind, and one unusable for each reason.
func sample(t testing.TB) *Document {
	t.Helper()
	x := base64.RawURLEncoding.EncodeToString(testKey(3))
	doc, err := ParseDocument([]byte(`{
		"@context": "https://www.w3.org/ns/did/v1", "id": "did:web:armalo.ai", "controller": "did:web:armalo.ai", "service": [{"id": "#s"}],
		"verificationMethod": [
			{"id": "#relative", "type": "Multikey", "controller": "did:web:armalo.ai", "publicKeyMultibase": "` + EncodeKey(testKey(1)) + `"},
			{"id": "did:web:armalo.ai#2020", "type": "Ed25519VerificationKey2020", "controller": "did:web:armalo.ai", "publicKeyMultibase": "` + EncodeKey(testKey(2)) + `"},
			{"id": "#jwk", "type": "JsonWebKey", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "` + x + `", "kid": "k"}},
			{"id": "#jwk2020", "type": "JsonWebKey2020", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "` + x + `"}},
			{"id": "#idle", "type": "Multikey", "controller": "did:web:armalo.ai", "publicKeyMultibase": "` + EncodeKey(testKey(1)) + `"},
			{"id": "#foreign", "type": "Multikey", "controller": "did:web:evil.example", "publicKeyMultibase": "` + EncodeKey(testKey(1)) + `"},
			{"id": "#revoked", "type": "Multikey", "controller": "did:web:armalo.ai", "publicKeyMultibase": "` + EncodeKey(testKey(1)) + `", "revoked": "2026-01-01T00:00:00Z"},
			{"id": "#ends", "type": "Multikey", "controller": "did:web:armalo.ai", "publicKeyMultibase": "` + EncodeKey(testKey(1)) + `", "expires": "2026-01-01T00:00:00Z"},
			{"id": "#p256", "type": "JsonWebKey", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "EC", "crv": "P-256", "x": "` + x + `"}},
			{"id": "#private", "type": "JsonWebKey", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "` + x + `", "d": "` + x + `"}},
			{"id": "#short", "type": "JsonWebKey", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
			{"id": "#sloppy", "type": "JsonWebKey", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "` + x[:42] + `_"}},
			{"id": "#weak", "type": "JsonWebKey", "controller": "did:web:armalo.ai", "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "` + strings.Repeat("A", 43) + `"}},
			{"id": "#nokey", "type": "Multikey", "controller": "did:web:armalo.ai"},
			{"id": "#nojwk", "type": "JsonWebKey", "controller": "did:web:armalo.ai"},
			{"id": "#strange", "type": "EcdsaSecp256k1VerificationKey2019", "controller": "did:web:armalo.ai", "publicKeyHex": "00"}],
		"assertionMethod": ["#relative", "did:web:armalo.ai#2020", "#jwk", "#jwk2020", "#foreign", "#revoked", "#ends", "#p256", "#private", "#short", "#sloppy", "#weak", "#nokey", "#nojwk", "#strange",
			"#missing", "did:web:other.example#key",
			{"id": "#embedded", "type": "Multikey", "controller": "did:web:armalo.ai", "publicKeyMultibase": "` + EncodeKey(testKey(4)) + `"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAssertionKey(t *testing.T) {
	doc := sample(t)
	for fragment, n := range map[string]byte{"#relative": 1, "#2020": 2, "#jwk": 3, "#jwk2020": 3, "#ends": 1, "#embedded": 4} {
		if key, err := doc.AssertionKey(web + fragment); err != nil || !key.Equal(testKey(n)) {
			t.Errorf("%s: %x, %v", fragment, key, err)
		}
	}
	for fragment, code := range map[string]verdict.Code{
		"": verdict.KeyUnknown, "#": verdict.KeyUnknown, "#nothing": verdict.KeyUnknown, "#missing": verdict.KeyUnknown,
		"#idle": verdict.KeyNotAuthorized, "#foreign": verdict.KeyNotAuthorized, "#revoked": verdict.KeyNotAuthorized,
		"#p256": verdict.KeyUnknown, "#private": verdict.KeyUnknown, "#short": verdict.KeyUnknown, "#sloppy": verdict.KeyUnknown, "#weak": verdict.KeyUnknown,
		"#nokey": verdict.KeyUnknown, "#nojwk": verdict.KeyUnknown, "#strange": verdict.KeyUnknown,
	} {
		if _, err := doc.AssertionKey(web + fragment); verdict.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", fragment, err, code)
		}
	}
	for _, id := range []string{"#relative", "did:web:other.example#key", "did:web:armalo.ai#Relative"} {
		if _, err := doc.AssertionKey(id); verdict.CodeOf(err) != verdict.KeyUnknown {
			t.Errorf("%s: %v", id, err)
		}
	}
	if got := doc.KeyExpires(web + "#ends"); got.Year() != 2026 {
		t.Errorf("KeyExpires = %v", got)
	}
	if got := doc.KeyExpires(web + "#relative"); !got.IsZero() {
		t.Errorf("KeyExpires of a key without end = %v", got)
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	method := `{"id":"#k","type":"Multikey","controller":"did:web:a.example"}`
	for name, tt := range map[string]struct {
		data string
		code verdict.Code
		path string
	}{
		"nothing":                  {"", verdict.Malformed, ""},
		"not JSON":                 {"<html>", verdict.Malformed, ""},
		"an array":                 {"[]", verdict.SchemaInvalid, ""},
		"null":                     {"null", verdict.SchemaInvalid, "id"},
		"no id":                    {"{}", verdict.SchemaInvalid, "id"},
		"id is no DID":             {`{"id":"https://a.example"}`, verdict.SchemaInvalid, "id"},
		"id has a fragment":        {`{"id":"did:web:a.example#k"}`, verdict.SchemaInvalid, "id"},
		"id is a number":           {`{"id":1}`, verdict.SchemaInvalid, "id"},
		"id twice":                 {`{"id":"did:web:a.example","id":"did:web:b.example"}`, verdict.Malformed, "id"},
		"methods are an object":    {`{"id":"did:web:a.example","verificationMethod":{}}`, verdict.SchemaInvalid, "verificationMethod"},
		"method is a string":       {`{"id":"did:web:a.example","verificationMethod":["#k"]}`, verdict.SchemaInvalid, "verificationMethod[0]"},
		"method without id":        {`{"id":"did:web:a.example","verificationMethod":[{"type":"Multikey"}]}`, verdict.SchemaInvalid, "verificationMethod[0].id"},
		"method without type":      {`{"id":"did:web:a.example","verificationMethod":[{"id":"#k"}]}`, verdict.SchemaInvalid, "verificationMethod[0].type"},
		"id without fragment":      {`{"id":"did:web:a.example","verificationMethod":[{"id":"did:web:a.example","type":"Multikey"}]}`, verdict.SchemaInvalid, "verificationMethod[0].id"},
		"two of one id":            {`{"id":"did:web:a.example","verificationMethod":[` + method + `,` + strings.Replace(method, "#k", "did:web:a.example#k", 1) + `]}`, verdict.SchemaInvalid, "verificationMethod[1].id"},
		"embedded twin":            {`{"id":"did:web:a.example","verificationMethod":[` + method + `],"assertionMethod":[` + method + `]}`, verdict.SchemaInvalid, "assertionMethod[0].id"},
		"revoked is no time":       {`{"id":"did:web:a.example","verificationMethod":[{"id":"#k","type":"Multikey","revoked":"soon"}]}`, verdict.SchemaInvalid, "verificationMethod[0].revoked"},
		"assertion is a number":    {`{"id":"did:web:a.example","assertionMethod":[1]}`, verdict.SchemaInvalid, "assertionMethod[0]"},
		"assertion is null":        {`{"id":"did:web:a.example","assertionMethod":[null]}`, verdict.SchemaInvalid, "assertionMethod[0]"},
		"assertion is no URL":      {`{"id":"did:web:a.example","assertionMethod":["k"]}`, verdict.SchemaInvalid, "assertionMethod[0]"},
		"assertion holds a list":   {`{"id":"did:web:a.example","assertionMethod":[["#k"]]}`, verdict.SchemaInvalid, "assertionMethod[0]"},
		"too large":                {`{"id":"did:web:a.example"}` + strings.Repeat(" ", MaxDocumentBytes), verdict.TooLarge, ""},
		"too large once canonical": {`{"id":"did:web:a.example","x":[` + strings.Repeat("1e30,", 8200) + `1]}`, verdict.TooLarge, ""},
		"too many keys":            {`{"id":"did:web:a.example","verificationMethod":[` + manyMethods(maxMethods+1) + `]}`, verdict.TooLarge, "verificationMethod[256]"},
	} {
		_, err := ParseDocument([]byte(tt.data))
		var e *verdict.Error
		if !errors.As(err, &e) || e.Code != tt.code || e.Path != tt.path {
			t.Errorf("%s: %v (%s), want %s at %q", name, err, verdict.CodeOf(err), tt.code, tt.path)
		}
	}
}

func manyMethods(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"type":"x","id":"#` + strings.Repeat("k", i+1) + `"}`)
	}
	return b.String()
}

func TestSyntax(t *testing.T) {
	for s, want := range map[string]bool{
		"did:web:armalo.ai": true, "did:web:localhost%3A8443:a:b": true, "did:x:y": true, "did:x9:a::b": true, "did:key:z6Mk": true, "did:x:%aF": true, "did:x::y": true,
		"": false, "did": false, "did:": false, "did:x": false, "did:x:": false, "did::y": false, "did:X:y": false, "did:x:y:": false, "did:x:y#z": false, "did:x:y/z": false, "did:x:y?z": false,
		"did:x:%": false, "did:x:%4": false, "did:x:%4g": false, "did:x:é": false, "did:x:a b": false, "DID:x:y": false, " did:x:y": false, "did:x:y\n": false,
		"did:x:" + strings.Repeat("y", MaxLength-6): true, "did:x:" + strings.Repeat("y", MaxLength-5): false,
	} {
		if err := Check(s); (err == nil) != want || err != nil && len(err.Error()) > 300 {
			t.Errorf("Check(%.60q) = %v", s, err)
		}
	}
	for s, want := range map[string]string{
		"did:web:armalo.ai#key-1": "key-1", "did:x:y#a/b?c%20": "a/b?c%20",
		"did:x:y": "", "did:x:y#": "", "#k": "", "did:x:y#a#b": "", "did:x:y/p#k": "", "did:x:y?q#k": "", "did:x:y#é": "", "did:x:y#a b": "", "did:x:y#%4": "",
	} {
		_, fragment, err := SplitURL(s)
		if (err == nil) != (want != "") || err == nil && fragment != want {
			t.Errorf("SplitURL(%q) = %q, %v", s, fragment, err)
		}
	}
	if Method("did:web:a") != "web" || Method("did:key:z") != "key" || Method("web") != "" {
		t.Error("Method is wrong")
	}
	if !IsKey("did:key:z6Mk") || IsKey("did:web:key") {
		t.Error("IsKey is wrong")
	}
}

func TestPinned(t *testing.T) {
	doc := func(id string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(`{"id":"` + id + `"}`)} }
	p, err := NewPinned(fstest.MapFS{
		"any-name.json": doc("did:web:a.example"), "b.json": doc("did:web:b.example"),
		"README.md": {Data: []byte("not JSON")}, "sub/c.json": doc("did:web:c.example"),
	})
	if err != nil || p.Len() != 2 {
		t.Fatalf("%d documents, error %v", p.Len(), err)
	}
	ctx := context.Background()
	if d, err := p.Resolve(ctx, "did:web:a.example"); err != nil || d.DID() != "did:web:a.example" {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := p.Resolve(ctx, "did:web:c.example"); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	for name, fsys := range map[string]fstest.MapFS{
		"bad.json":   {"bad.json": {Data: []byte("{")}},
		"two.json":   {"one.json": doc("did:web:a.example"), "two.json": doc("did:web:a.example")},
		"large.json": {"large.json": {Data: bytes.Repeat([]byte(" "), 2*MaxDocumentBytes)}},
		"dir.json":   {"dir.json/x": doc("did:web:a.example")},
	} {
		if _, err := NewPinned(fsys); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Resolve(context.Context, string) (*Document, error) { return nil, f.err }

func TestChain(t *testing.T) {
	ctx := context.Background()
	pinned, err := NewPinned(fstest.MapFS{"a.json": {Data: []byte(`{"id":"did:web:a.example"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		chain Chain
		did   string
		want  error
	}{
		"pinned":           {Chain{KeyResolver{}, pinned}, "did:web:a.example", nil},
		"key":              {Chain{pinned, KeyResolver{}}, KeyDID(testKey(1)), nil},
		"neither":          {Chain{KeyResolver{}, pinned}, "did:web:b.example", ErrNotFound},
		"empty":            {nil, "did:web:a.example", ErrNotFound},
		"found before":     {Chain{pinned, failing{broken}}, "did:web:a.example", nil},
		"a failure stands": {Chain{failing{broken}, pinned}, "did:web:a.example", broken},
	} {
		doc, err := tt.chain.Resolve(ctx, tt.did)
		if !errors.Is(err, tt.want) || tt.want == nil && doc.DID() != tt.did {
			t.Errorf("%s: %v, %v", name, doc, err)
		}
	}
	if _, err := (Chain{KeyResolver{}, pinned}).Resolve(ctx, "did:key:zBad"); verdict.CodeOf(err) != verdict.Malformed {
		t.Errorf("a bad did:key: %v", err)
	}
}
