package verdict

import (
	"encoding/json/v2"
	"fmt"
	"testing"
)

func TestConclude(t *testing.T) {
	for _, tt := range []struct {
		name              string
		fill              func(*Verdict)
		required          []string
		verified, unknown bool
	}{
		{"nothing checked", func(v *Verdict) {}, nil, false, true},
		{"passed", func(v *Verdict) { v.Pass("a", "") }, nil, true, false},
		{"required passed", func(v *Verdict) { v.Pass("a", "") }, []string{"a"}, true, false},
		{"required missing", func(v *Verdict) { v.Pass("a", "") }, []string{"b"}, false, true},
		{"required skipped", func(v *Verdict) { v.Pass("a", ""); v.Skip("b", "no policy") }, []string{"b"}, false, true},
		{"one failed", func(v *Verdict) { v.Pass("a", ""); v.Fail("b", Errorf(Malformed, "x", "bad")) }, nil, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := New()
			tt.fill(v)
			v.Conclude(tt.required...)
			if v.Verified != tt.verified || v.Unknown() != tt.unknown {
				t.Errorf("verified %v, unknown %v; want %v, %v", v.Verified, v.Unknown(), tt.verified, tt.unknown)
			}
		})
	}
}

func TestCodeOf(t *testing.T) {
	err := fmt.Errorf("read receipt: %w", Errorf(SchemaInvalid, "issuer", "must be a DID"))
	if got := CodeOf(err); got != SchemaInvalid {
		t.Errorf("CodeOf = %q, want %q", got, SchemaInvalid)
	}
	if got := CodeOf(fmt.Errorf("plain")); got != Internal {
		t.Errorf("CodeOf = %q, want %q", got, Internal)
	}
	if got := err.Error(); got != "read receipt: issuer: must be a DID" {
		t.Errorf("Error = %q", got)
	}
}

func TestEmptyVerdictEncodesEmptyLists(t *testing.T) {
	got, err := json.Marshal(New())
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"verified":false,"reasons":[],"checks":[]}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
