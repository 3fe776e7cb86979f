package policy_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verdict"
)

func ExampleParse() {
	p, err := policy.Parse(expand("log <log-ed>\nwitness w1 <w1>\nwitness w2 <w2>\nwitness w3 <w3>\ngroup g 2 w1 w2 w3\nquorum g\n"))
	fmt.Println(p.Quorum(), err)
	fmt.Println(p.Satisfied(map[string]bool{"w1": true, "w3": true}))
	// Output:
	// 2 of (w1, w2, w3) <nil>
	// true
}

const twoOfThree = "log <log-ed>\nlog <log-ml>\nwitness w1 <w1>\nwitness w2 <w2>\nwitness w3 <w3>\ngroup g 2 w1 w2 w3\nquorum g\n"

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy string
		roles  string // who signed
		code   verdict.Code
	}{
		{"quorum met", twoOfThree, "log-ed log-ml w1 w2", ""},
		{"all cosigned", twoOfThree, "log-ed log-ml w1 w2 w3", ""},
		{"one log key suffices", twoOfThree, "log-ed w1 w3", ""},
		{"the other log key suffices", twoOfThree, "log-ml w1 w3", ""},
		{"strangers are ignored", twoOfThree, "stranger log-ed w1 w3 stranger", ""},
		{"cosignatures in any order", twoOfThree, "w3 w1 log-ed", ""},
		{"one cosignature of two", twoOfThree, "log-ed log-ml w1", verdict.QuorumNotMet},
		{"the same witness twice", twoOfThree, "log-ed w1 w1", verdict.QuorumNotMet},
		{"strangers do not count", twoOfThree, "log-ed w1 stranger", verdict.QuorumNotMet},
		{"no log", twoOfThree, "w1 w2 w3", verdict.CheckpointInvalid},
		{"only a stranger", twoOfThree, "stranger", verdict.CheckpointInvalid},
		{"a listed log of another origin", "log <other-log>\nquorum none\n", "other-log", verdict.CheckpointInvalid},
		{"any listed log suffices", "log <other-log>\nlog <log-ml>\nquorum none\n", "log-ml", ""},
		{"no witness asked for", "log <log-ed>\nquorum none\n", "log-ed", ""},
		{"witness outside of the quorum", "log <log-ed>\nwitness w1 <w1>\nwitness w2 <w2>\nquorum w1\n", "log-ed w2", verdict.QuorumNotMet},
		{"both levels", twoLevels, "log-ed w1 w2 w3", ""},
		{"lower level only", twoLevels, "log-ed w1 w2", verdict.QuorumNotMet},
		{"policy without logs", "quorum none\n", "log-ed", verdict.PolicyInvalid},
	} {
		v, err := parse(t, tt.policy).Verify(signed(t, strings.Fields(tt.roles)...))
		if verdict.CodeOf(err) != tt.code {
			t.Errorf("%s: error %v, want code %q", tt.name, err, tt.code)
			continue
		}
		if found := tt.code == "" || tt.code == verdict.QuorumNotMet; found != (v != nil) {
			t.Errorf("%s: Verified is %+v", tt.name, v)
		} else if found && (v.Quorum != (tt.code == "") || v.Checkpoint.Size != 42) {
			t.Errorf("%s: Verified is %+v", tt.name, v)
		}
	}
}

func TestVerifiedSaysWhoAndWhen(t *testing.T) {
	note := signed(t, "log-ml", "w3", "stranger", "w1", "log-ed")
	v, err := parse(t, twoOfThree).Verify(note)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{cast["log-ml"].vkey, cast["log-ed"].vkey}; !slices.Equal(v.LogKeys, want) {
		t.Errorf("log keys %q, want %q", v.LogKeys, want)
	}
	if v.QuorumRule != "2 of (w1, w2, w3)" || len(v.Cosignatures) != 2 {
		t.Fatalf("Verified is %+v", v)
	}
	for i, want := range []struct{ witness, keyName, algorithm string }{
		{"w3", "w1.example/witness", "ml-dsa-44"},
		{"w1", "w1.example/witness", "cosignature-ed25519"},
	} {
		c := v.Cosignatures[i]
		if c.Witness != want.witness || c.KeyName != want.keyName || c.Algorithm != want.algorithm || !c.Time.Equal(now) || !bytes.Contains(note, c.Line) {
			t.Errorf("cosignature %d is %+v, want %+v", i, c, want)
		}
	}
}

func TestQuorumErrorSaysWhoCosigned(t *testing.T) {
	p := parse(t, twoOfThree)
	for roles, want := range map[string]string{
		"log-ed":    "quorum is 2 of (w1, w2, w3); cosigned by nobody",
		"log-ed w2": "quorum is 2 of (w1, w2, w3); cosigned by w2",
	} {
		if _, err := p.Verify(signed(t, strings.Fields(roles)...)); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestSpoiltLineSpoilsTheCheckpoint: more than enough good signatures do not make
// up for one by a listed key that does not verify.
func TestSpoiltLineSpoilsTheCheckpoint(t *testing.T) {
	p := parse(t, twoOfThree)
	for _, role := range []string{"log-ed", "log-ml", "w1", "w2", "w3"} {
		line, err := cast[role].signer.SignLine(checkpoint.Checkpoint{Origin: origin, Size: 43}.Body())
		if err != nil {
			t.Fatal(err)
		}
		note := append(signed(t, "log-ed", "log-ml", "w1", "w2", "w3"), line...)
		if v, err := p.Verify(note); v != nil || verdict.CodeOf(err) != verdict.CheckpointInvalid {
			t.Errorf("line by %s for another checkpoint: %+v, error %v", role, v, err)
		}
	}
}

// TestEveryOneByteChangeIsRefused changes each byte of a checkpoint of whose
// signatures the policy needs every one. (Package checkpoint does the same with
// ML-DSA-44 signatures.)
func TestEveryOneByteChangeIsRefused(t *testing.T) {
	p := parse(t, "log <log-ed>\nwitness w1 <w1>\nwitness w2 <w2>\ngroup g all w1 w2\nquorum g\n")
	note := signed(t, "log-ed", "w1", "w2")
	if _, err := p.Verify(note); err != nil {
		t.Fatal(err)
	}
	for i := range note {
		mangled := bytes.Clone(note)
		mangled[i] ^= 1 << (i % 8)
		if _, err := p.Verify(mangled); err == nil {
			t.Fatalf("byte %d changed from %q to %q is accepted", i, note[i], mangled[i])
		}
	}
}

func TestForLog(t *testing.T) {
	p, err := policy.ForLog(cast["log-ed"].vkey, cast["log-ml"].vkey, cast["log-ed"].vkey)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Logs()) != 2 || p.RequiresWitnesses() || p.Quorum() != "none" {
		t.Errorf("policy is %+v", p)
	}
	if _, err := p.Verify(signed(t, "log-ml")); err != nil {
		t.Error(err)
	}
	if _, err := policy.ForLog(cast["w1"].vkey); verdict.CodeOf(err) != verdict.PolicyInvalid {
		t.Errorf("a witness key as a log: error %v", err)
	}
}

func TestWithLogs(t *testing.T) {
	p := parse(t, "witness w1 <w1>\nquorum w1\n")
	with, err := p.WithLogs(cast["log-ed"].vkey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := with.Verify(signed(t, "log-ed", "w1")); err != nil {
		t.Error(err)
	}
	if _, err := with.Verify(signed(t, "log-ed")); verdict.CodeOf(err) != verdict.QuorumNotMet {
		t.Errorf("without the witness: error %v", err)
	}
	if len(p.Logs()) != 0 {
		t.Error("the policy that was extended has changed")
	}
	if _, err := p.WithLogs("nonsense"); verdict.CodeOf(err) != verdict.PolicyInvalid {
		t.Errorf("nonsense as a log: error %v", err)
	}
}

// TestTorchwoodAgrees shows our checkpoints and policies to torchwood. (It wants
// every listed log to have signed, where the specification wants any.)
func TestTorchwoodAgrees(t *testing.T) {
	p, err := torchwood.ParsePolicy(expand(twoOfThree))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(signed(t, "log-ed", "log-ml", "w1", "w3"), p); err != nil {
		t.Error(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(signed(t, "log-ed", "log-ml", "w1"), p); err == nil {
		t.Error("torchwood accepts a checkpoint without its quorum")
	}
}

// FuzzVerify holds that no note gets past a policy but by its signatures: nobody
// who has no key can make one that is not among the seeds' texts.
func FuzzVerify(f *testing.F) {
	good := signed(f, "log-ed", "log-ml", "w1", "w2", "w3")
	f.Add(good)
	f.Add(signed(f, "log-ed"))
	f.Add(signed(f, "w1", "w2"))
	f.Add(bytes.Replace(good, []byte("\n42\n"), []byte("\n43\n"), 1))
	f.Add([]byte("\n\n— "))
	p := parse(f, twoOfThree)
	f.Fuzz(func(t *testing.T, note []byte) {
		v, err := p.Verify(note)
		if err == nil && (v.Checkpoint.Size != 42 || len(v.LogKeys) == 0 || len(v.Cosignatures) < 2) {
			t.Fatalf("accepted %+v", v)
		}
	})
}
