package account

import (
	"bytes"
	"encoding/json/v2"
	"reflect"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
)

// whole is an account in which no member has its zero value.
func whole() *Account {
	at, index := time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC), uint64(7)
	seen := Seen{Size: 9, Root: "cm9vdA==", Signed: "note", First: at, Last: at, Quorum: true, Witnesses: []string{"w1"}}
	tally := Tally{Receipts: 8, Owed: 1, Present: 2, Lawful: 3, Unlawful: 1, Missing: 1, NotChecked: 1, Late: 1}
	return &Account{
		Origin: "log.example/x", Began: at, Ended: at, From: seen, To: seen, Checkpoints: []Seen{seen},
		Kept:    &Kept{Checked: 5, Quorate: 4, Complete: true, Size: 9, At: "2026-05-12T10:00:00Z"},
		Entries: map[string]uint64{"receipt": 8}, Bodies: tally, Orgs: map[string]Tally{"00": tally},
		NotChecked: map[string]uint64{ReasonPrivate: 1}, Sample: &Sample{Asked: 1, Population: 2, Confidence: 0.99, Below: 0.5},
		Rules:    []retention.Record{{Index: 1, Since: at, Entry: []byte(`{"kind":"rules"}`)}},
		Erasures: []Erased{{Index: 2, At: at, Org: "00", Count: 3, Basis: "request", Legal: "law", Asked: "Ada", Lawful: true}},
		Issuers:  []Issuer{{Index: 3, DID: "did:web:x", At: at, Keys: []string{"z6Mk"}}},
		Findings: []Finding{{Code: "fork", Severity: Breach, Index: &index, Org: "00", Issuer: "did:web:x", Witness: "w1", Detail: "d", Evidence: []string{"note"}}},
		Dropped:  1, Incomplete: "the log was silent",
	}
}

// TestParse holds that what an auditor writes is read again as it was, and that
// members of a later version are passed over.
func TestParse(t *testing.T) {
	data, err := json.Marshal(whole())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(data), `{"later":1,` + string(data[1:])} {
		if got, err := Parse([]byte(text)); err != nil || !reflect.DeepEqual(got, whole()) {
			t.Errorf("%v: got %+v", err, got)
		}
	}
	v := reflect.ValueOf(*whole())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("this test leaves out %s", v.Type().Field(i).Name)
		}
	}
	for _, text := range []string{`{}`, `[]`, `{"origin":"x","checkpoints":[]}`, `{"origin":1,"checkpoints":[],"orgs":{}}`, `{"origin":"x"`} {
		if _, err := Parse([]byte(text)); err == nil || verdict.CodeOf(err) == verdict.Internal {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestOutcome(t *testing.T) {
	breach, warning := []Finding{{Severity: Breach}}, []Finding{{Severity: Warning}}
	for name, tt := range map[string]struct {
		a    Account
		want Outcome
	}{
		"nothing found":  {Account{}, Clean},
		"a warning":      {Account{Findings: warning}, Clean},
		"private bodies": {Account{NotChecked: map[string]uint64{ReasonPrivate: 3}}, Clean},
		"a breach":       {Account{Findings: breach, Incomplete: "x"}, Found},
		"cut off":        {Account{Findings: warning, Incomplete: "x"}, CannotTell},
		"silent":         {Account{NotChecked: map[string]uint64{ReasonUnreachable: 1}}, CannotTell},
	} {
		if got := tt.a.Outcome(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := json.Marshal(whole())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"origin":"x","checkpoints":[],"orgs":{}}`))
	f.Add([]byte(`{"origin":"x","checkpoints":[{"size":-1}],"orgs":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Parse(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		written, err := json.Marshal(a, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if a, err = Parse(written); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(a, json.Deterministic(true)); err != nil || !bytes.Equal(again, written) {
			t.Fatalf("%s, read again: %s, %v", written, again, err)
		}
	})
}
