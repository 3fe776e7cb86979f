package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verdict"
)

// status returns how a check ended, or "" where it was not made at all.
func status(v *verdict.Verdict, name string) verdict.Status {
	for _, c := range v.Checks {
		if c.Name == name {
			return c.Status
		}
	}
	return ""
}

// codes lists the codes of a verdict's reasons.
func codes(v *verdict.Verdict) string {
	var all []string
	for _, r := range v.Reasons {
		all = append(all, string(r.Code))
	}
	return strings.Join(all, " ")
}

func TestBundleVerifies(t *testing.T) {
	w := newWorld(t)
	b := w.bundle(w.sign(issuerDID, methodID, nil))
	sum := sha256.Sum256(diff)
	v := Bundle(b, Options{Policy: w.policy, Diff: &sum})
	if !v.Verified {
		t.Fatalf("not verified: %+v", v)
	}
	for _, name := range []string{CheckReceipt, CheckOpening, CheckInclusion, CheckCheckpoint, CheckQuorum, CheckIssuer, CheckSignature, CheckDiffURL, CheckDiff} {
		if got := status(v, name); got != verdict.Passed {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range []string{CheckConfiguration, CheckErasure} {
		if got := status(v, name); got != verdict.NotChecked {
			t.Errorf("%s: %s, want it said to be not checked", name, got)
		}
	}
	again, err := bundle.Parse(b.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if v := Bundle(again, Options{Policy: w.policy}); !v.Verified || status(v, CheckDiff) != verdict.NotChecked {
		t.Errorf("after a round trip: %+v", v)
	}
}

func TestKeyIssuerNeedsNoEvidence(t *testing.T) {
	w := newWorld(t)
	pub := w.issuer.Public().(ed25519.PublicKey)
	b := w.bundle(w.sign(did.KeyDID(pub), did.KeyMethodID(pub), nil))
	if b.Issuer != nil {
		t.Fatal("the test's bundle has issuer evidence")
	}
	if v := Bundle(b, Options{Policy: w.policy}); !v.Verified {
		t.Fatalf("not verified: %+v", v)
	}
}

func TestBundleFails(t *testing.T) {
	otherKey := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	for _, tt := range []struct {
		name  string
		spoil func(w *world, b *bundle.Bundle)
		check string
		code  verdict.Code
	}{
		{"receipt altered", func(_ *world, b *bundle.Bundle) {
			b.Receipt = bytes.Replace(b.Receipt, []byte("tidy"), []byte("mess"), 1)
		}, CheckOpening, verdict.CommitmentMismatch},
		{"receipt altered breaks the signature too", func(_ *world, b *bundle.Bundle) {
			b.Receipt = bytes.Replace(b.Receipt, []byte("tidy"), []byte("mess"), 1)
		}, CheckSignature, verdict.SignatureInvalid},
		{"receipt no JSON", func(_ *world, b *bundle.Bundle) { b.Receipt = []byte("{") }, CheckReceipt, verdict.Malformed},
		{"salt altered", func(_ *world, b *bundle.Bundle) { b.Salt[0] ^= 1 }, CheckOpening, verdict.CommitmentMismatch},
		{"entry of another kind", func(_ *world, b *bundle.Bundle) { b.Entry = b.Issuer.Entry }, CheckOpening, verdict.CommitmentMismatch},
		{"index altered", func(_ *world, b *bundle.Bundle) { b.Index++ }, CheckInclusion, verdict.InclusionInvalid},
		{"index beyond the tree", func(_ *world, b *bundle.Bundle) { b.Index = 1 << 40 }, CheckInclusion, verdict.InclusionInvalid},
		{"hash altered", func(_ *world, b *bundle.Bundle) { b.Hashes[0][5] ^= 1 }, CheckInclusion, verdict.InclusionInvalid},
		{"hash missing", func(_ *world, b *bundle.Bundle) { b.Hashes = b.Hashes[1:] }, CheckInclusion, verdict.InclusionInvalid},
		{"checkpoint of another log", func(_ *world, b *bundle.Bundle) { b.Checkpoint = newWorld(t).bundle(b.Receipt).Checkpoint }, CheckCheckpoint, verdict.CheckpointInvalid},
		{"no witness", func(w *world, b *bundle.Bundle) { b.Checkpoint = w.checkpoint(w.signers[:2]...) }, CheckQuorum, verdict.QuorumNotMet},
		{"issuer evidence altered", func(_ *world, b *bundle.Bundle) {
			b.Issuer.Entry = bytes.Replace(b.Issuer.Entry, []byte(`"at":"2026`), []byte(`"at":"2025`), 1)
		}, CheckIssuer, verdict.InclusionInvalid},
		{"issuer evidence of another", func(w *world, b *bundle.Bundle) {
			b.Issuer.Entry = bytes.ReplaceAll(b.Issuer.Entry, []byte(issuerDID), []byte("did:web:evil.example"))
		}, CheckIssuer, verdict.EntryMismatch},
		{"issuer evidence from after the receipt", func(w *world, b *bundle.Bundle) {
			b.Issuer.Index = w.append(b.Issuer.Entry)
			w.seal(b)
		}, CheckIssuer, verdict.EntryMismatch},
		{"issuer evidence with another key", func(w *world, b *bundle.Bundle) {
			doc := w.document(otherKey.Public().(ed25519.PublicKey))
			b.Issuer.Entry = entry.Issuer{DID: issuerDID, Document: doc.Canonical(), At: now}.Marshal()
			b.Issuer.Index = w.append(b.Issuer.Entry)
			b.Index = w.append(b.Entry)
			w.seal(b)
		}, CheckSignature, verdict.SignatureInvalid},
		{"entry names another key", func(w *world, b *bundle.Bundle) {
			b.Entry = entry.Receipt{Commitment: entry.Commit(b.Salt, b.Receipt), Issuer: issuerDID, Key: did.EncodeKey(otherKey.Public().(ed25519.PublicKey)),
				Org: "00112233445566778899aabbccddeeff", At: now, Retain: entry.Indefinite}.Marshal()
			b.Index = w.append(b.Entry)
			w.seal(b)
		}, CheckSignature, verdict.EntryMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.bundle(w.sign(issuerDID, methodID, nil))
			good := must(bundle.Parse(b.Marshal()))
			tt.spoil(w, b)
			w.hold(good, b)
			v := Bundle(b, Options{Policy: w.policy})
			if v.Verified || v.Unknown() {
				t.Fatalf("accepted: %+v", v)
			}
			if status(v, tt.check) != verdict.Failed || !strings.Contains(codes(v), string(tt.code)) {
				t.Errorf("%s is %q with codes %s, want it failed with %s: %+v", tt.check, status(v, tt.check), codes(v), tt.code, v)
			}
		})
	}
}

func TestWithoutEvidenceNothingIsClaimed(t *testing.T) {
	w := newWorld(t)
	signed := w.sign(issuerDID, methodID, nil)
	b := w.bundle(signed)
	if v := Bundle(b, Options{}); v.Verified || !v.Unknown() {
		t.Errorf("without a policy: %+v", v)
	}
	b.Issuer = nil
	if v := Bundle(b, Options{Policy: w.policy}); v.Verified || !v.Unknown() {
		t.Errorf("without issuer evidence: %+v", v)
	}
	if v := Receipt(signed, Options{}); v.Verified || !v.Unknown() {
		t.Errorf("a bare receipt without a document: %+v", v)
	}
	v := Receipt(signed, Options{Document: w.doc})
	if !v.Verified || status(v, CheckInclusion) != verdict.NotChecked || status(v, CheckQuorum) != verdict.NotChecked {
		t.Errorf("a bare receipt with its document: %+v", v)
	}
}

func TestPolicyWithoutWitnessesSaysSo(t *testing.T) {
	w := newWorld(t)
	b := w.bundle(w.sign(issuerDID, methodID, nil))
	var keys []string
	for _, l := range w.policy.Logs() {
		keys = append(keys, l.VKey)
	}
	v := Bundle(b, Options{Policy: must(policy.ForLog(keys...))})
	if !v.Verified || status(v, CheckQuorum) != verdict.NotChecked {
		t.Errorf("%+v", v)
	}
}

func TestContent(t *testing.T) {
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	config := func(hash string) func(string) string {
		return replace(`"diff":`, fmt.Sprintf(`"configuration":{"juryModels":["m"],"evalCheckSet":["e"],"policyGateSet":["p"],"sha256":%q},"diff":`, hash))
	}
	sum := sha256.Sum256([]byte(`{"evalCheckSet":["e"],"juryModels":["m"],"policyGateSet":["p"]}`))
	other := sha256.Sum256([]byte("another diff"))
	for _, tt := range []struct {
		name   string
		edit   func(string) string
		diff   *[32]byte
		check  string
		status verdict.Status
		code   string
	}{
		{"configuration matches", config(fmt.Sprintf("%x", sum)), nil, CheckConfiguration, verdict.Passed, ""},
		{"configuration differs", config(fmt.Sprintf("%x", other)), nil, CheckConfiguration, verdict.Failed, "configuration_mismatch"},
		{"diff differs", nil, &other, CheckDiff, verdict.Failed, "diff_hash_mismatch"},
		{"url elsewhere", replace("https://git.example/acme/shop/commit", "https://git.example/evil/shop/commit"), nil, CheckDiffURL, verdict.Failed, "diff_url_mismatch"},
		{"url of a repository with the same beginning", replace("acme/shop/commit", "acme/shop2/commit"), nil, CheckDiffURL, verdict.Failed, "diff_url_mismatch"},
		{"url of another commit", replace("commit/0000", "commit/1111"), nil, CheckDiffURL, verdict.Failed, "diff_url_mismatch"},
		{"no url", replace(`"url":`, `"href":`), nil, CheckDiffURL, verdict.NotChecked, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			v := Receipt(w.sign(issuerDID, methodID, tt.edit), Options{Document: w.doc, Diff: tt.diff})
			if status(v, tt.check) != tt.status || codes(v) != tt.code {
				t.Errorf("%s is %s with codes %q: %+v", tt.check, status(v, tt.check), codes(v), v)
			}
			if v.Verified != (tt.code == "") {
				t.Errorf("verified %v", v.Verified)
			}
		})
	}
}

// TestOneByteChange holds that no change of one byte leaves a bundle that
// verifies, wherever it is made. The checkpoint has one signature by the log
// and one by the witness, so that each of them counts.
func TestOneByteChange(t *testing.T) {
	w := newWorld(t)
	w.signers = []note.Signer{w.signers[0], w.signers[2]}
	data := w.bundle(w.sign(issuerDID, methodID, nil)).Marshal()
	for i := range data {
		for _, flip := range []byte{1, 0x20} {
			if v := verdictOnFlip(data, i, flip, w.policy); v != nil && v.Verified {
				t.Fatalf("byte %d, %q as %q: verifies", i, data[i], data[i]^flip)
			}
		}
	}
}

// TestOneByteChangeMakesAnUnknownSignature holds the same where the log signed
// with a second key: all that a change can do is to turn that signature into
// one by an unknown key, which C2SP signed-note wants ignored, and the verdict
// says that it was.
func TestOneByteChangeMakesAnUnknownSignature(t *testing.T) {
	w := newWorld(t)
	data := w.bundle(w.sign(issuerDID, methodID, nil)).Marshal()
	// The checkpoint stands first; the test above has changed all the rest.
	for i := range bytes.Index(data, []byte(`"entry"`)) {
		if i%8 != 0 && !bytes.Contains(data[i:i+20], []byte(origin)) {
			continue // long base64: every eighth byte will do
		}
		if v := verdictOnFlip(data, i, 1, w.policy); v != nil && v.Verified && status(v, CheckSignatures) != verdict.NotChecked {
			t.Fatalf("byte %d, %q as %q: verifies as if untouched", i, data[i], data[i]^1)
		}
	}
}

// verdictOnFlip returns the verdict on a bundle with one byte changed, or nil
// where it does not parse.
func verdictOnFlip(data []byte, i int, flip byte, p *policy.Policy) *verdict.Verdict {
	mangled := bytes.Clone(data)
	mangled[i] ^= flip
	b, err := bundle.Parse(mangled)
	if err != nil {
		return nil
	}
	return Bundle(b, Options{Policy: p})
}

func TestTlogProofCarriesTheOpening(t *testing.T) {
	w := newWorld(t)
	pub := w.issuer.Public().(ed25519.PublicKey)
	b := w.bundle(w.sign(did.KeyDID(pub), did.KeyMethodID(pub), nil))
	joined, err := bundle.FromTlogProof(b.Receipt, b.TlogProof())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(joined.Marshal(), b.Marshal()) {
		t.Errorf("got %s", joined.Marshal())
	}
}
