package verify

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// TestExpiredKey holds that a key that had expired when the log took a receipt
// in verifies nothing, and that one which expires later does.
func TestExpiredKey(t *testing.T) {
	for _, tt := range []struct {
		name     string
		expires  time.Time
		verified bool
	}{
		{"before the receipt was logged", now.Add(-time.Hour), false},
		{"as the receipt was logged", now, false},
		{"after the receipt was logged", now.Add(time.Hour), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			with := strings.Replace(string(w.doc.Canonical()), `"type":"Multikey"`, `"expires":"`+tt.expires.Format(time.RFC3339)+`","type":"Multikey"`, 1)
			w.doc = must(did.ParseDocument([]byte(with)))
			signed := w.sign(issuerDID, methodID, nil)
			v := Bundle(w.bundle(signed), Options{Policy: w.policy})
			if v.Verified != tt.verified || !tt.verified && codes(v) != string(verdict.KeyNotAuthorized) {
				t.Errorf("verified %v with codes %q", v.Verified, codes(v))
			}
			// A bare receipt has no logged time: only a proof that says itself
			// that it was made too late can be refused.
			bare := Receipt(signed, Options{Document: w.doc})
			if late := tt.expires.Before(now); late && bare.Verified || !late && status(bare, CheckExpiry) != verdict.NotChecked {
				t.Errorf("a bare receipt: verified %v, expiry %q", bare.Verified, status(bare, CheckExpiry))
			}
		})
	}
}

// TestFurtherProofsAreSaidToBeUnchecked holds that a proof by somebody else
// neither helps nor harms, and is not passed over.
func TestFurtherProofsAreSaidToBeUnchecked(t *testing.T) {
	w := newWorld(t)
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signed := must(receipt.Sign(w.sign(issuerDID, methodID, nil), key, receipt.SignOptions{VerificationMethod: did.KeyMethodID(pub), Created: now, Add: true}))
	v := Bundle(w.bundle(signed), Options{Policy: w.policy})
	if !v.Verified || status(v, CheckOthers) != verdict.NotChecked {
		t.Errorf("%+v", v)
	}
}
