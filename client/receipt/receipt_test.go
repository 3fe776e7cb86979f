package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// testKey is the n-th key of the tests.
func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func multikey(n byte) string { return did.EncodeKey(testKey(n).Public().(ed25519.PublicKey)) }

const issuerID = "did:web:armalo.ai"

var signedAt = time.Date(2026, 5, 12, 10, 0, 1, 0, time.UTC)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func document(t testing.TB, text string) *did.Document {
	t.Helper()
	doc, err := did.ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// issuerDocument has key-1 and key-2 under assertionMethod, key-3 not, key-4
// expired, key-5 revoked.
func issuerDocument(t testing.TB) *did.Document {
	var methods []string
	for i, more := range []string{"", "", "", `,"expires":"2026-01-01T00:00:00Z"`, `,"revoked":"2026-01-01T00:00:00Z"`} {
		n := string(rune('1' + i))
		methods = append(methods, `{"id":"#key-`+n+`","type":"Multikey","controller":"`+issuerID+`","publicKeyMultibase":"`+multikey(byte(i+1))+`"`+more+`}`)
	}
	return document(t, `{"id":"`+issuerID+`","verificationMethod":[`+strings.Join(methods, ",")+`],
		"assertionMethod":["#key-1","`+issuerID+`#key-2","#key-4","#key-5"]}`)
}

func sign(t testing.TB, credential []byte, n byte, opts SignOptions) []byte {
	t.Helper()
	if opts.VerificationMethod == "" {
		opts.VerificationMethod = issuerID + "#key-" + string(rune('0'+n))
	}
	if opts.Created.IsZero() {
		opts.Created = signedAt
	}
	signed, err := Sign(credential, testKey(n), opts)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func parse(t testing.TB, data []byte) *Receipt {
	t.Helper()
	r, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseReadsEveryField(t *testing.T) {
	data := read(t, "full.json")
	r := parse(t, data)
	want, err := jcs.Canonicalize(data, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Canonical(), want) {
		t.Errorf("Canonical is not the canonical form of the input")
	}
	// The example has every field, so that it comes back whole from the types
	// alone if, and only if, they have every field too.
	encoded, err := json.Marshal(r.Credential())
	if err != nil {
		t.Fatal(err)
	}
	got, err := jcs.Canonicalize(encoded, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the typed view encodes to\n%s\nwant\n%s", got, want)
	}
	if r.Issuer() != issuerID || r.RunID() != "run-2026-05-12-0042" || r.Org() != "acme" {
		t.Errorf("issuer %q, run %q, org %q", r.Issuer(), r.RunID(), r.Org())
	}
}

func TestUnknownFieldsSurvive(t *testing.T) {
	data := bytes.Replace(read(t, "minimal.json"), []byte(`"org": "acme"`), []byte(`"org": "acme", "a\n":[{"x":"}\\\""}], "zz": null`), 1)
	signed := sign(t, data, 1, SignOptions{})
	r := parse(t, signed)
	if !bytes.Contains(r.Canonical(), []byte(`"a\n":[{"x":"}\\\""}]`)) || !bytes.Contains(r.Canonical(), []byte(`"zz":null`)) {
		t.Errorf("an unknown field is gone: %s", r.Canonical())
	}
	if _, err := r.Verify(issuerDocument(t)); err != nil {
		t.Error(err)
	}
	changed := parse(t, bytes.Replace(signed, []byte(`"zz":null`), []byte(`"zz":true`), 1))
	if _, err := changed.Verify(issuerDocument(t)); verdict.CodeOf(err) != verdict.SignatureInvalid {
		t.Errorf("an unknown field was changed, and Verify says %v", err)
	}
}

func TestErrorsNameThePath(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{`"score": 0.78`, `"score": 1.5`, "credentialSubject.build.jury.votes[1].score: must be between 0 and 1"},
		{`"score": 0.78`, `"score": "high"`, "credentialSubject.build.jury.votes[1].score: must be a number"},
		{`"verdict": "revise"`, `"verdict": "maybe"`, "credentialSubject.build.jury.votes[1].verdict: must be one of approve, revise or block"},
		{`"runId": "run-2026-05-12-0042",`, ``, "credentialSubject.build.runId: is required"},
		{`"honesty": 0.98`, `"honesty": 0.98, "thirteenth": 1`, "credentialSubject.build.evals.composite: must have at most 12 dimensions"},
		{`"honesty": 0.98`, `"hon\u001besty": 98`, `credentialSubject.build.evals.composite."hon\x1besty": must be between 0 and 1`},
		{`"issuer": "did:web:armalo.ai"`, `"issuer": "https://armalo.ai"`, "issuer: must be a DID"},
		{`"base": "4b`, `"base": "4B`, "credentialSubject.build.diff.base: must be a git object name as 40 or 64 lower-case hex digits"},
		{`"at": "2026-05-12T09:41:07.250Z"`, `"at": "2026-05-12 09:41"`, "credentialSubject.build.auditTrail[0].at: must be a date and time with a time zone, as in 2026-05-12T10:00:00Z"},
		{`"passed": false`, `"passed": "no"`, "credentialSubject.build.evals.checks[3].passed: must be true or false"},
		{`"risk": {`, `"risk": [{`, "credentialSubject.build.risk: must be an object"},
		{`"https://armalo.ai/ns/build-receipt/v1"`, `"https://armalo.ai/ns/build-receipt/v2"`, "@context: must contain https://armalo.ai/ns/build-receipt/v1"},
	} {
		data := strings.Replace(string(read(t, "full.json")), tt.old, tt.new, 1)
		if strings.HasPrefix(tt.new, `"risk": [`) {
			data = strings.Replace(data, `"limited"}`, `"limited"}]`, 1)
		}
		_, err := Parse([]byte(data))
		if err == nil || err.Error() != tt.want || verdict.CodeOf(err) != verdict.SchemaInvalid {
			t.Errorf("%s:\ngot  %v (%s)\nwant %s", tt.new, err, verdict.CodeOf(err), tt.want)
		}
	}
}

func TestParseRefusesWhatIsNotStrictJSON(t *testing.T) {
	good := string(read(t, "minimal.json"))
	for name, tt := range map[string]struct {
		data string
		code verdict.Code
	}{
		"empty":          {"", verdict.Malformed},
		"array":          {"[]", verdict.SchemaInvalid},
		"string":         {`"x"`, verdict.SchemaInvalid},
		"truncated":      {good[:len(good)/2], verdict.Malformed},
		"two values":     {good + "{}", verdict.Malformed},
		"duplicate name": {strings.Replace(good, `"org"`, `"runId": "other", "org"`, 1), verdict.Malformed},
		"escaped twin":   {strings.Replace(good, `"org"`, `"run\u0049d": "other", "org"`, 1), verdict.Malformed},
		"invalid UTF-8":  {strings.Replace(good, `"acme"`, "\"\xff\"", 1), verdict.Malformed},
		"too deep":       {strings.Repeat("[", 65) + strings.Repeat("]", 65), verdict.Malformed},
		"too large":      {good + strings.Repeat(" ", MaxBytes), verdict.TooLarge},
	} {
		if _, err := Parse([]byte(tt.data)); verdict.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want code %s", name, err, tt.code)
		}
	}
}

// Control characters grow sixfold in canonical form; the bound holds for both
// forms, so that what was accepted once is accepted for ever.
func TestBoundHoldsForTheCanonicalForm(t *testing.T) {
	grown := strings.Replace(string(read(t, "minimal.json")), `"org"`, `"x": "`+strings.Repeat("<", MaxBytes/2)+`", "org"`, 1)
	parse(t, []byte(grown))
	// 1e+30 takes one byte more than 1e30.
	numbers := strings.Repeat("1e30,", MaxBytes/5-1000) + "1e30"
	grown = strings.Replace(string(read(t, "minimal.json")), `"org"`, `"x": [`+numbers+`], "org"`, 1)
	if _, err := Parse([]byte(grown)); len(grown) > MaxBytes || verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("%d bytes that grow in canonical form: %v", len(grown), err)
	}
}

func TestPublishable(t *testing.T) {
	gate := func(decision string) string { return `{"id":"receipt.publish","decision":"` + decision + `"}` }
	for _, tt := range []struct {
		gates string
		want  bool
	}{
		{``, false},
		{`{"id":"llm.dispatch","decision":"allow"}`, false},
		{gate("allow"), true},
		{gate("deny"), false},
		{gate("allow") + "," + gate("deny"), false},
		{gate("deny") + "," + gate("allow"), false},
	} {
		data := strings.Replace(string(read(t, "minimal.json")), `"org"`, `"policyGates": [`+tt.gates+`], "org"`, 1)
		if got := parse(t, []byte(data)).Publishable(); got != tt.want {
			t.Errorf("gates %s: Publishable = %v, want %v", tt.gates, got, tt.want)
		}
	}
	if parse(t, read(t, "minimal.json")).Publishable() {
		t.Error("a receipt without gates is publishable")
	}
}

func TestConfigurationHash(t *testing.T) {
	declared, computed, ok := parse(t, read(t, "full.json")).ConfigurationHash()
	if !ok || declared != computed {
		t.Errorf("declared %s, computed %s, ok %v", declared, computed, ok)
	}
	drifted := strings.Replace(string(read(t, "full.json")), `"claude-juror"],`, `"claude-juror"], "temperature": 0.2,`, 1)
	declared, computed, ok = parse(t, []byte(drifted)).ConfigurationHash()
	if !ok || declared == computed {
		t.Errorf("a member was added, and the hash is still %s", computed)
	}
	if _, _, ok := parse(t, read(t, "minimal.json")).ConfigurationHash(); ok {
		t.Error("a receipt without configuration has a hash of it")
	}
}

func TestReceiptIsSafeForConcurrentUse(t *testing.T) {
	r := parse(t, sign(t, read(t, "full.json"), 1, SignOptions{}))
	doc := issuerDocument(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.Verify(doc); err != nil {
				t.Error(err)
			}
			r.Hash()
			r.ConfigurationHash()
		})
	}
	wg.Wait()
}
