package receipt

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/verdict"
)

func TestSignAndVerify(t *testing.T) {
	signed := sign(t, read(t, "full.json"), 1, SignOptions{})
	signer, err := parse(t, signed).Verify(issuerDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	if signer.Method != issuerID+"#key-1" || !signer.Key.Equal(testKey(1).Public()) ||
		signer.Created != "2026-05-12T10:00:01Z" || !signer.Expires.IsZero() || signer.Unchecked != 0 {
		t.Errorf("signer %+v", signer)
	}
	if again := sign(t, read(t, "full.json"), 1, SignOptions{}); !bytes.Equal(again, signed) {
		t.Error("signing twice gives two receipts, though Ed25519 and JCS are deterministic")
	}
}

func TestVerifyWithKeyDID(t *testing.T) {
	pub := testKey(9).Public().(ed25519.PublicKey)
	data := bytes.Replace(read(t, "minimal.json"), []byte(issuerID), []byte(did.KeyDID(pub)), 1)
	r := parse(t, sign(t, data, 9, SignOptions{VerificationMethod: did.KeyMethodID(pub)}))
	doc, err := did.KeyDocument(r.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(doc); err != nil {
		t.Error(err)
	}
}

func TestProofSet(t *testing.T) {
	data := read(t, "minimal.json")
	pub := testKey(9).Public().(ed25519.PublicKey)
	foreign := SignOptions{VerificationMethod: did.KeyMethodID(pub), Add: true}
	both := sign(t, sign(t, data, 1, SignOptions{}), 2, SignOptions{Add: true})
	three := sign(t, both, 9, foreign)
	for name, tt := range map[string]struct {
		data      []byte
		method    string
		unchecked int
	}{
		"two keys of the issuer":            {both, "#key-1", 0},
		"and one of somebody else":          {three, "#key-1", 1},
		"the first by somebody else":        {sign(t, sign(t, data, 9, foreign), 2, SignOptions{Add: true}), "#key-2", 1},
		"a set of one":                      {wrapProof(t, sign(t, data, 1, SignOptions{})), "#key-1", 0},
		"one in another cryptosuite":        {addProof(t, both, `{"type":"DataIntegrityProof","cryptosuite":"mldsa44-jcs-2024","proofPurpose":"assertionMethod","verificationMethod":"did:web:armalo.ai#key-9","proofValue":"u1"}`), "#key-1", 1},
		"one with another purpose":          {addProof(t, both, `{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","proofPurpose":"authentication","verificationMethod":"did:web:armalo.ai#key-1","proofValue":"z1"}`), "#key-1", 1},
		"one of a DID that ours begins":     {addProof(t, both, `{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","proofPurpose":"assertionMethod","verificationMethod":"did:web:armalo.ai:evil#key-1","proofValue":"z1"}`), "#key-1", 1},
		"as many as are allowed (8 in all)": {addProof(t, both, strings.Repeat(`{"type":"x","proofPurpose":"y","verificationMethod":"did:x:y#z"},`, 5)+`{"type":"x","proofPurpose":"y","verificationMethod":"did:x:y#z"}`), "#key-1", 6},
	} {
		signer, err := parse(t, tt.data).Verify(issuerDocument(t))
		if err != nil || signer.Method != issuerID+tt.method || signer.Unchecked != tt.unchecked {
			t.Errorf("%s: signer %+v, error %v", name, signer, err)
		}
	}
}

// wrapProof makes a set of a single proof.
func wrapProof(t *testing.T, signed []byte) []byte {
	t.Helper()
	head, tail, ok := bytes.Cut(signed, []byte(`"proof":{`))
	end := bytes.IndexByte(tail, '}')
	if !ok || end < 0 {
		t.Fatalf("no single proof in %s", signed)
	}
	return []byte(string(head) + `"proof":[{` + string(tail[:end+1]) + "]" + string(tail[end+1:]))
}

// addProof adds proofs to a set as they are.
func addProof(t *testing.T, signed []byte, proofs string) []byte {
	t.Helper()
	out := bytes.Replace(signed, []byte(`"proof":[`), []byte(`"proof":[`+proofs+`,`), 1)
	if bytes.Equal(out, signed) {
		t.Fatalf("no proof set in %s", signed)
	}
	return out
}

func TestVerifyRefuses(t *testing.T) {
	data := read(t, "minimal.json")
	one := string(sign(t, data, 1, SignOptions{}))
	set := string(sign(t, []byte(one), 2, SignOptions{Add: true}))
	replace := func(old, new string) []byte {
		out := strings.Replace(one, old, new, 1)
		if out == one {
			t.Fatalf("%q is not in %s", old, one)
		}
		return []byte(out)
	}
	_, value, _ := strings.Cut(one, `"proofValue":"`)
	value, _, _ = strings.Cut(value, `"`)
	for name, tt := range map[string]struct {
		data []byte
		code verdict.Code
		path string
	}{
		"no proof":                    {data, verdict.ProofMissing, "proof"},
		"another proof type":          {replace(`"DataIntegrityProof"`, `"Ed25519Signature2020"`), verdict.ProofMissing, "proof"},
		"another purpose":             {replace(`"proofPurpose":"assertionMethod"`, `"proofPurpose":"authentication"`), verdict.ProofMissing, "proof"},
		"another's key":               {replace(`"did:web:armalo.ai#key-1"`, `"did:web:evil.example#key-1"`), verdict.ProofMissing, "proof"},
		"a key of the path":           {replace(`"did:web:armalo.ai#key-1"`, `"did:web:armalo.ai/x#key-1"`), verdict.ProofMissing, "proof"},
		"unknown key":                 {sign(t, data, 1, SignOptions{VerificationMethod: issuerID + "#key-7"}), verdict.KeyUnknown, "proof"},
		"key not for assertions":      {sign(t, data, 3, SignOptions{}), verdict.KeyNotAuthorized, "proof"},
		"key that had expired":        {sign(t, data, 4, SignOptions{}), verdict.KeyNotAuthorized, "proof.created"},
		"revoked key":                 {sign(t, data, 5, SignOptions{}), verdict.KeyNotAuthorized, "proof"},
		"the other key":               {sign(t, data, 2, SignOptions{VerificationMethod: issuerID + "#key-1"}), verdict.SignatureInvalid, "proof.proofValue"},
		"changed body":                {replace(`"run-1"`, `"run-2"`), verdict.SignatureInvalid, "proof.proofValue"},
		"changed proof":               {replace(`10:00:01Z`, `10:00:02Z`), verdict.SignatureInvalid, "proof.proofValue"},
		"added to the proof":          {replace(`"created"`, `"aaa":1,"created"`), verdict.SignatureInvalid, "proof.proofValue"},
		"context added to both":       {[]byte(strings.ReplaceAll(one, `build-receipt/v1"]`, `build-receipt/v1","https://evil.example"]`)), verdict.SignatureInvalid, "proof.proofValue"},
		"context added to receipt":    {replace(`build-receipt/v1"],"credentialSubject"`, `build-receipt/v1","https://evil.example"],"credentialSubject"`), verdict.SignatureInvalid, "proof.@context"},
		"no proofValue":               {replace(`"proofValue":"`+value+`",`, ``), verdict.SignatureInvalid, "proof.proofValue"},
		"proofValue of another base":  {replace(`"proofValue":"z`, `"proofValue":"u`), verdict.SignatureInvalid, "proof.proofValue"},
		"proofValue too long":         {replace(`"proofValue":"z`, `"proofValue":"z`+strings.Repeat("1", 100)), verdict.SignatureInvalid, "proof.proofValue"},
		"proofValue with a one more":  {replace(`"proofValue":"z`, `"proofValue":"z1`), verdict.SignatureInvalid, "proof.proofValue"},
		"proofValue not base58":       {replace(`"proofValue":"z`, `"proofValue":"z0`), verdict.SignatureInvalid, "proof.proofValue"},
		"proofValue too short":        {replace(value, value[:40]), verdict.SignatureInvalid, "proof.proofValue"},
		"second of a set is bad":      {[]byte(strings.Replace(set, `10:00:01Z","cryptosuite":"eddsa-jcs-2022","proofPurpose":"assertionMethod","proofValue":"`, `10:00:01Z","cryptosuite":"eddsa-jcs-2022","extra":1,"proofPurpose":"assertionMethod","proofValue":"`, 1)), verdict.SignatureInvalid, "proof[0].proofValue"},
		"one of a set by unknown key": {sign(t, []byte(set), 1, SignOptions{VerificationMethod: issuerID + "#key-7", Add: true}), verdict.KeyUnknown, "proof[2]"},
	} {
		_, err := parse(t, tt.data).Verify(issuerDocument(t))
		if verdict.CodeOf(err) != tt.code || path(err) != tt.path {
			t.Errorf("%s: %s at %q (%v), want %s at %q", name, verdict.CodeOf(err), path(err), err, tt.code, tt.path)
		}
	}
	other := document(t, `{"id":"did:web:evil.example"}`)
	if _, err := parse(t, []byte(one)).Verify(other); verdict.CodeOf(err) != verdict.IssuerUntrusted {
		t.Errorf("with somebody else's document: %v", err)
	}
}

func path(err error) string {
	if e, ok := err.(*verdict.Error); ok {
		return e.Path
	}
	return ""
}

func TestSignerExpires(t *testing.T) {
	// key-4 ended with 2025; a proof said to be older than that is for the
	// caller to judge, who knows when the receipt was logged.
	signer, err := parse(t, sign(t, read(t, "minimal.json"), 4, SignOptions{Created: signedAt.AddDate(-1, 0, 0)})).Verify(issuerDocument(t))
	if want := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); err != nil || !signer.Expires.Equal(want) {
		t.Errorf("Expires = %v, error %v, want %v", signer.Expires, err, want)
	}
}

func TestSignRefuses(t *testing.T) {
	data := read(t, "minimal.json")
	signed := sign(t, data, 1, SignOptions{})
	method := SignOptions{VerificationMethod: issuerID + "#key-1"}
	full := signed
	for range maxProofs - 1 {
		full = sign(t, full, 1, SignOptions{Add: true})
	}
	add := method
	add.Add = true
	for name, tt := range map[string]struct {
		data []byte
		key  ed25519.PrivateKey
		opts SignOptions
	}{
		"not a receipt":       {[]byte("{}"), testKey(1), method},
		"signed already":      {signed, testKey(1), method},
		"one proof too many":  {full, testKey(1), add},
		"somebody else's key": {data, testKey(1), SignOptions{VerificationMethod: "did:web:evil.example#key-1"}},
		"no key named":        {data, testKey(1), SignOptions{VerificationMethod: issuerID}},
		"a seed for a key":    {data, testKey(1)[:32], method},
	} {
		if _, err := Sign(tt.data, tt.key, tt.opts); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// No change of one byte of a signed receipt verifies: each bit flipped, each
// byte that JSON cares about put in its place, a deletion, a doubling. What
// leaves the receipt the very same (a blank between tokens) is no change.
func TestNoOneByteChangeVerifies(t *testing.T) {
	signed := sign(t, read(t, "minimal.json"), 1, SignOptions{})
	doc := issuerDocument(t)
	changes := 0
	try := func(what string, at int, data []byte) {
		r, err := Parse(data)
		if err != nil || bytes.Equal(r.Canonical(), signed) {
			return
		}
		changes++
		if _, err := r.Verify(doc); err == nil {
			t.Errorf("%s at byte %d verifies: %s", what, at, data)
		}
	}
	for i := range signed {
		for _, b := range []byte("\"\\{}[],:09-+.eE zZ1\x00\xff") {
			data := bytes.Clone(signed)
			data[i] = b
			try("another byte", i, data)
		}
		for bit := range 8 {
			data := bytes.Clone(signed)
			data[i] ^= 1 << bit
			try("a flipped bit", i, data)
		}
		try("a deletion", i, append(bytes.Clone(signed[:i]), signed[i+1:]...))
		try("a doubling", i, append(bytes.Clone(signed[:i+1]), signed[i:]...))
	}
	// Most changes break the JSON or a field; enough must get as far as Verify.
	if changes < 1000 {
		t.Errorf("only %d changes came to Verify", changes)
	}
}
