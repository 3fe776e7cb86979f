package verify

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// documented logs a document of the issuer's with one key, and returns a bundle
// that has it as its evidence.
func (w *world) documented(like *bundle.Bundle, key ed25519.PublicKey) *bundle.Bundle {
	doc := must(did.ParseDocument([]byte(strings.ReplaceAll(string(w.doc.Canonical()), did.EncodeKey(w.issuer.Public().(ed25519.PublicKey)), did.EncodeKey(key)))))
	b := *like
	e := entry.Issuer{DID: issuerDID, Document: doc.Canonical(), At: now}.Marshal()
	b.Issuer = &bundle.IssuerEvidence{Entry: e, Index: w.append(e)}
	b.Index = w.append(b.Entry)
	w.seal(&b)
	return must(bundle.Parse(b.Marshal()))
}

// TestRemovedKey holds that a key that its issuer removed verifies what was logged
// before, and that the verdict says so, given evidence, and only then.
func TestRemovedKey(t *testing.T) {
	w := newWorld(t)
	b := w.bundle(w.sign(issuerDID, methodID, nil))
	other, _, _ := ed25519.GenerateKey(nil)
	same := w.documented(b, w.issuer.Public().(ed25519.PublicKey))
	rotated := w.documented(b, other)
	for name, tt := range map[string]struct {
		issuers []*bundle.Bundle
		status  verdict.Status
		says    string
	}{
		"none":             {nil, "", ""},
		"its own":          {[]*bundle.Bundle{b}, verdict.NotChecked, "not of documents that were logged after"},
		"still there":      {[]*bundle.Bundle{same}, verdict.Passed, "stands in the issuer's document"},
		"removed":          {[]*bundle.Bundle{rotated}, verdict.Passed, "was removed from the issuer's document as of entry"},
		"both, either way": {[]*bundle.Bundle{rotated, same}, verdict.Passed, "was removed"},
	} {
		t.Run(name, func(t *testing.T) {
			v := Bundle(b, Options{Policy: w.policy, Issuers: tt.issuers})
			if !v.Verified {
				t.Errorf("not verified: %+v", v.Reasons)
			}
			for _, c := range v.Checks {
				if c.Name == CheckKey && (c.Status != tt.status || !strings.Contains(c.Detail, tt.says)) {
					t.Errorf("%s: %s", c.Status, c.Detail)
				}
			}
			if got := status(v, CheckKey); got != tt.status {
				t.Errorf("status %q, want %q", got, tt.status)
			}
		})
	}
}

// TestBorrowedEvidence holds that a receipt with a .tlog-proof verifies with the
// evidence of another bundle, if that was logged before the receipt.
func TestBorrowedEvidence(t *testing.T) {
	w := newWorld(t)
	b := w.bundle(w.sign(issuerDID, methodID, nil))
	late := w.documented(b, w.issuer.Public().(ed25519.PublicKey))
	r := must(receipt.Parse(b.Receipt))
	bare := must(bundle.FromTlogProof(r.Canonical(), b.TlogProof()))
	forged := *b
	evidence := *b.Issuer
	evidence.Index--
	forged.Issuer = &evidence
	foreign := w.bundle(w.sign(issuerDID, methodID, nil))
	foreign.Issuer.Entry = entry.Issuer{DID: "did:web:other.example", Document: w.doc.Canonical(), At: now}.Marshal()
	for name, tt := range map[string]struct {
		issuers  []*bundle.Bundle
		verified bool
		status   verdict.Status
	}{
		"none":            {nil, false, verdict.NotChecked},
		"earlier":         {[]*bundle.Bundle{b}, true, verdict.Passed},
		"earlier, later":  {[]*bundle.Bundle{late, b}, true, verdict.Passed},
		"later only":      {[]*bundle.Bundle{late}, false, verdict.NotChecked},
		"not in the log":  {[]*bundle.Bundle{&forged}, false, verdict.Failed},
		"another issuer":  {[]*bundle.Bundle{foreign}, false, verdict.Failed},
		"none of its own": {[]*bundle.Bundle{bare}, false, verdict.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			v := Bundle(bare, Options{Policy: w.policy, Issuers: tt.issuers})
			if v.Verified != tt.verified || status(v, CheckIssuer) != tt.status {
				t.Errorf("verified %v, issuer %s; want %v, %s: %+v", v.Verified, status(v, CheckIssuer), tt.verified, tt.status, v.Checks)
			}
		})
	}
}
