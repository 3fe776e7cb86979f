package draft

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/cmd/receiptctl/example"
)

func noFiles(string) ([]byte, error) { return nil, fs.ErrNotExist }

func readExample(t testing.TB) []byte {
	t.Helper()
	data, err := example.Files.ReadFile(example.Build)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var diff = receipt.Diff{SHA256: strings.Repeat("ab", 32), Base: strings.Repeat("1", 40), Head: strings.Repeat("2", 40)}

// TestExampleMakesAReceipt holds the example that ships to what receipts may
// say.
func TestExampleMakesAReceipt(t *testing.T) {
	d, err := Parse(readExample(t), example.Files.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pub := key.Public().(ed25519.PublicKey)
	c := d.Credential(Stamp{ID: "urn:uuid:1", RunID: "run-1", Issuer: did.KeyDID(pub), Time: time.Unix(1778580000, 0)}, diff)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := receipt.Sign(encoded, key, receipt.SignOptions{VerificationMethod: did.KeyMethodID(pub)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Publishable() {
		t.Error("the example is not public")
	}
	if declared, computed, ok := r.ConfigurationHash(); !ok || declared != computed {
		t.Errorf("configuration hash %s, computed %s", declared, computed)
	}
	b := r.Credential().CredentialSubject.Build
	if !strings.HasSuffix(b.Diff.URL, "/commit/"+diff.Head) {
		t.Errorf("diff URL %s", b.Diff.URL)
	}
	if b.Spec.SHA256 == "" || b.Plan.SHA256 == "" || b.Pact.SHA256 == "" || len(b.Models) != 4 || len(b.Evals.Composite) != 12 || len(b.AuditTrail) != 7 {
		t.Errorf("got %+v", b)
	}
}

func TestSubjectOfDIDWeb(t *testing.T) {
	d := new(Draft)
	if got := d.Credential(Stamp{RunID: "r", Issuer: "did:web:armalo.ai"}, diff).CredentialSubject.ID; got != "did:web:armalo.ai:builds:r" {
		t.Errorf("got %s", got)
	}
	if got := d.Credential(Stamp{RunID: "r", Issuer: "did:key:z6Mk"}, diff).CredentialSubject.ID; got != "" {
		t.Errorf("got %s", got)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	const h = `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`
	for _, tt := range []struct {
		in, path string
		code     verdict.Code
	}{
		{`{"policyGates":[{"id":"a"},{"decison":"allow"}]}`, "policyGates[1].decison", verdict.SchemaInvalid},
		{`{"Org":"x"}`, "Org", verdict.SchemaInvalid},
		{`{"org":7}`, "org", verdict.SchemaInvalid},
		{`{"models":{}}`, "models", verdict.SchemaInvalid},
		{`{"jury":[]}`, "jury", verdict.SchemaInvalid},
		{`{"evals":{"checks":[{"id":"a","passed":"yes"}]}}`, "evals.checks[0].passed", verdict.SchemaInvalid},
		{`{"spec":{"title":"t"}}`, "spec", verdict.SchemaInvalid},
		{`{"spec":{"file":"f","sha256":` + h + `}}`, "spec", verdict.SchemaInvalid},
		{`{"spec":{"name":"n","sha256":` + h + `}}`, "spec.name", verdict.SchemaInvalid},
		{`{"plan":{"title":"n","sha256":` + h + `}}`, "plan.title", verdict.SchemaInvalid},
		{`{"pact":{"rationale":"n","sha256":` + h + `}}`, "pact.rationale", verdict.SchemaInvalid},
		{`{"pact":{"name":"n","file":"gone"}}`, "pact.file", verdict.SchemaInvalid},
		{`{"diff":{"sha256":` + h + `}}`, "diff.sha256", verdict.SchemaInvalid},
		{`{"configuration":{"juryModels":["a"],"sha256":` + h + `}}`, "configuration.sha256", verdict.ConfigurationMismatch},
		{`{"org":"a","org":"b"}`, "org", verdict.Malformed},
		{"{\"org\":\"\xff\"}", "org", verdict.Malformed},
		{`{"org":"a"} x`, "", verdict.Malformed},
		{`{"org":`, "org", verdict.Malformed},
		{``, "", verdict.Malformed},
		{`[]`, "", verdict.SchemaInvalid},
		{`{"org":"` + strings.Repeat("x", MaxBytes) + `"}`, "", verdict.TooLarge},
	} {
		_, err := Parse([]byte(tt.in), noFiles)
		v, ok := errors.AsType[*verdict.Error](err)
		if !ok || v.Path != tt.path || v.Code != tt.code {
			t.Errorf("%.60s: got %v (code %v), want path %q and code %s", tt.in, err, verdict.CodeOf(err), tt.path, tt.code)
		}
	}
}

func TestFilesAreHashed(t *testing.T) {
	d, err := Parse([]byte(`{"spec":{"title":"t","file":"s.md"}}`), func(name string) ([]byte, error) { return []byte(name), nil })
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256([]byte("s.md"))
	if got := d.Spec.SHA256; got != hex.EncodeToString(want[:]) {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	good := readExample(f)
	f.Add(good)
	for i := 0; i < len(good); i += 97 {
		mangled := bytes.Clone(good)
		mangled[i] ^= 0x21
		f.Add(mangled)
	}
	for _, seed := range []string{"", "{}", "null", `{"configuration":{}}`, `{"spec":null}`, `{"diff":{"url":"{head}{base}"}}`, `{"org":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data, func(string) ([]byte, error) { return []byte("x"), nil })
		if err != nil {
			if _, ok := errors.AsType[*verdict.Error](err); !ok {
				t.Errorf("%q: error without a code: %v", data, err)
			}
			return
		}
		c := d.Credential(Stamp{ID: "urn:x:1", RunID: "r", Issuer: "did:web:a.example"}, diff)
		if _, err := json.Marshal(c); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	})
}
