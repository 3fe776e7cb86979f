package procurement

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
)

// TestAbsencesStayShort: what was erased in one go is one line, however many
// receipts it was, and a list that grows and grows is bounded.
func TestAbsencesStayShort(t *testing.T) {
	w := NewWriter(io.Discard, "x")
	at := func(i uint64, why, detail string) {
		w.Absent(Absence{Index: &i, Why: why, Detail: detail})
	}
	for _, i := range []uint64{3, 5, 9} {
		at(i, WhyErased, "as entry 20 says")
	}
	at(10, WhyErased, "as entry 21 says")
	at(11, WhyPrivate, "")
	at(12, WhyPrivate, "")
	w.Absent(Absence{Name: "a.json", Why: "malformed"})
	w.Absent(Absence{Name: "b.json", Why: "malformed"})
	var got []string
	for _, a := range w.manifest.Absent {
		last := "-"
		if a.Last != nil {
			last = fmt.Sprint(*a.Last)
		}
		got = append(got, fmt.Sprint(a.Why, " ", last, " ", a.Receipts()))
	}
	if want := []string{"erased 9 3", "erased - 1", "private 12 2", "malformed - 1", "malformed - 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n := w.manifest.AbsentReceipts(); n != 8 {
		t.Errorf("%d receipts are absent", n)
	}

	w = NewWriter(io.Discard, "x")
	const many = maxAbsences + 1000
	for i := range uint64(many) {
		at(i, []string{WhyErased, WhyPrivate}[i%2], "")
	}
	if n := len(w.manifest.Absent); n != maxAbsences+1 || w.manifest.AbsentReceipts() != many || *w.manifest.Absent[n-1].Last != many-1 || w.manifest.Absent[n-1].Why != WhyMore {
		t.Errorf("%d lines, %d receipts, %+v", n, w.manifest.AbsentReceipts(), w.manifest.Absent[n-1])
	}
}

// TestEvidenceAndCopy writes all that an archive can hold, reads it back, and
// copies it.
func TestEvidenceAndCopy(t *testing.T) {
	erasure := &bundle.Erasure{Entry: []byte(`{"kind":"erasure"}`), Index: 8, Hashes: [][32]byte{{4}}, Checkpoint: sample(1).Checkpoint}
	rules := Logged{Entry: []byte(`{"kind":"rules"}`), Index: 2, Hashes: [][32]byte{{5}}, Checkpoint: sample(1).Checkpoint}
	var first bytes.Buffer
	w := NewWriter(&first, "organisation acme")
	if err := w.Add(sample(3)); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for range 2 {
		path, err := w.Erasure(erasure)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	w.Absent(Absence{Index: new(uint64(4)), Why: WhyErased, Evidence: paths[0]})
	if err := w.Retention([]Logged{rules}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || paths[0] != paths[1] {
		t.Fatal(paths, err)
	}
	a, err := open(first.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	c := NewWriter(&second, a.Manifest().Scope)
	if err := c.Copy(a); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the copy differs: %v", err)
	}
	e, err := a.Erasure(paths[0])
	if err != nil || !bytes.Equal(e.Marshal(), erasure.Marshal()) {
		t.Errorf("%+v, %v", e, err)
	}
	got, err := a.Retention()
	if err != nil || len(got) != 1 || !bytes.Equal(got[0].Entry, rules.Entry) || got[0].Index != 2 || got[0].Hashes[0] != rules.Hashes[0] || !bytes.Equal(got[0].Checkpoint, rules.Checkpoint) {
		t.Errorf("%+v, %v", got, err)
	}
	if r := all(a); len(r) != 1 || r[0].Err != nil {
		t.Errorf("%+v", r)
	}
	if readme, err := a.File(readmeName, 1<<16); err != nil || !strings.Contains(string(readme), "1 receipts of this scope are not in the archive") {
		t.Errorf("%s, %v", readme, err)
	}
}

func parsed(t *testing.T, build string) *receipt.Receipt {
	t.Helper()
	r, err := receipt.Parse([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],"id":"urn:x","type":["VerifiableCredential","BuildReceipt"],
		"issuer":"did:web:a.example","validFrom":"2026-05-12T10:00:00Z","credentialSubject":{"id":"did:web:a.example:builds:r","build":{"runId":"r","org":"acme",` + build + `
		"diff":{"sha256":"` + strings.Repeat("0", 64) + `"}}},"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","created":"2026-05-12T10:00:00Z","proofPurpose":"assertionMethod","verificationMethod":"did:web:a.example#k","proofValue":"z` + strings.Repeat("2", 87) + `"}}`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStatistics(t *testing.T) {
	s := NewStatistics()
	at := time.Date(2026, 5, 31, 23, 59, 59, 0, time.UTC)
	s.Add(parsed(t, `"project":"shop","planSummary":"x","jury":{"verdict":"approve","votes":[]},
		"models":[{"provider":"a","model":"m","version":"1","role":"builder"},{"provider":"a","model":"m","version":"1","role":"juror"},{"provider":"a","model":"n","role":"juror"}],
		"evals":{"checks":[{"id":"tests","passed":false,"score":0},{"id":"lint","passed":true,"score":1}]},
		"policyGates":[{"id":"receipt.publish","decision":"allow"},{"id":"github.write-branch","decision":"deny"}],`), at)
	s.Add(parsed(t, ``), at.Add(time.Second))
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"receipts": 2.0, "first": "2026-05-31T23:59:59Z", "last": "2026-06-01T00:00:00Z", "unpublished": 1.0, "withoutPlan": 1.0, "withoutEvals": 1.0,
		"byMonth": map[string]any{"2026-05": 1.0, "2026-06": 1.0}, "byIssuer": map[string]any{"did:web:a.example": 2.0},
		"byVerdict": map[string]any{"approve": 1.0, "none": 1.0}, "byProvider": map[string]any{"a": 1.0},
		"byModel": map[string]any{"a/m/1": 1.0, "a/n/": 1.0}, "byProject": map[string]any{"shop": 1.0},
		"gatesDenied": map[string]any{"github.write-branch": 1.0}, "evalsFailed": map[string]any{"tests": 1.0},
	} {
		if fmt.Sprint(got[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if !s.Whole() {
		t.Error("so few names are counted one by one")
	}
	for i := range maxNames + 1 {
		count(s.ByProject, fmt.Sprint(i))
	}
	if s.Whole() || len(s.ByProject) != maxNames+1 {
		t.Errorf("%d names", len(s.ByProject))
	}
}
