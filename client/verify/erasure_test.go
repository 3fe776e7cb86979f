package verify

import (
	"bytes"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
)

// erase logs the erasure of b's receipt and returns the evidence.
func (w *world) erase(b *bundle.Bundle, edit func(*entry.Erasure)) *bundle.Erasure {
	e := entry.Erasure{Org: "00112233445566778899aabbccddeeff", Ranges: []entry.Range{{First: b.Index, Last: b.Index}},
		Count: 1, Basis: entry.BasisRequest, Legal: "GDPR Article 17(1)(b)", Asked: "case 31", At: now}
	if edit != nil {
		edit(&e)
	}
	evidence := &bundle.Erasure{Entry: e.Marshal()}
	evidence.Index = w.append(evidence.Entry)
	evidence.Hashes = w.prove(evidence.Index)
	evidence.Checkpoint = w.checkpoint(w.signers...)
	return evidence
}

// TestKeptBundleSurvivesErasure holds that whoever kept a bundle still has a
// proof, and is told that the log let go of its own copy.
func TestKeptBundleSurvivesErasure(t *testing.T) {
	w := newWorld(t)
	b := w.bundle(w.sign(issuerDID, methodID, nil))
	evidence := must(bundle.ParseErasure(w.erase(b, nil).Marshal()))
	v := Bundle(b, Options{Policy: w.policy, Erasure: evidence})
	if !v.Verified || status(v, CheckErasure) != verdict.Passed {
		t.Fatalf("%+v", v)
	}
	for _, c := range v.Checks {
		if c.Name == CheckErasure && (!strings.Contains(c.Detail, "2026-05-12T10:00:00Z") || !strings.Contains(c.Detail, "GDPR Article 17(1)(b)")) {
			t.Errorf("the verdict does not say when and on what basis: %s", c.Detail)
		}
	}
	if v := Bundle(b, Options{Erasure: evidence}); status(v, CheckErasure) != verdict.NotChecked {
		t.Errorf("without a policy: %+v", v)
	}
	expired := w.erase(b, func(e *entry.Erasure) { e.Basis, e.Legal = entry.BasisExpired, "" })
	if v := Bundle(b, Options{Policy: w.policy, Erasure: expired}); !v.Verified {
		t.Errorf("%+v", v)
	}
}

func TestFalseEvidenceOfErasure(t *testing.T) {
	for name, spoil := range map[string]func(w *world, b *bundle.Bundle) *bundle.Erasure{
		"of another entry": func(w *world, b *bundle.Bundle) *bundle.Erasure {
			return w.erase(b, func(e *entry.Erasure) { e.Ranges[0] = entry.Range{First: b.Index + 1, Last: b.Index + 1} })
		},
		"of another organisation": func(w *world, b *bundle.Bundle) *bundle.Erasure {
			return w.erase(b, func(e *entry.Erasure) { e.Org = strings.Repeat("0", 32) })
		},
		"not in the log": func(w *world, b *bundle.Bundle) *bundle.Erasure {
			e := w.erase(b, nil)
			e.Entry = bytes.Replace(e.Entry, []byte("case 31"), []byte("case 32"), 1)
			return e
		},
		"no erasure": func(w *world, b *bundle.Bundle) *bundle.Erasure {
			e := w.erase(b, nil)
			e.Entry, e.Index, e.Hashes = b.Entry, b.Index, w.prove(b.Index)
			return e
		},
		"malformed": func(w *world, b *bundle.Bundle) *bundle.Erasure {
			e := w.erase(b, nil)
			e.Entry = []byte("{}")
			return e
		},
		"without quorum": func(w *world, b *bundle.Bundle) *bundle.Erasure {
			e := w.erase(b, nil)
			e.Checkpoint = w.checkpoint(w.signers[:2]...)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.bundle(w.sign(issuerDID, methodID, nil))
			if v := Bundle(b, Options{Policy: w.policy, Erasure: spoil(w, b)}); v.Verified || status(v, CheckErasure) != verdict.Failed {
				t.Errorf("%+v", v)
			}
		})
	}
}
