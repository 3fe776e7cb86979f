package log

import (
	"bytes"
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// checkBundle is the name of the check that a bundle sent along is one at all.
const checkBundle = "bundle"

// VerifyExternal gives the verdict on any receipt, from anyone, as sent. A
// bundle is verified against this log's own keys. Without one, the log uses its
// own bundle where it holds this very receipt, else the issuer's document as
// its resolver has it now, and then says that inclusion was not checked.
//
// Bad input is a verdict, not an error.
func (l *Log) VerifyExternal(ctx context.Context, data, bundled []byte, diff *[32]byte) *verdict.Verdict {
	o := verify.Options{Policy: l.policy, Diff: diff}
	r, err := receipt.Parse(data)
	if err != nil {
		return verify.Receipt(data, o)
	}
	if bundled != nil {
		return verifyBundled(r, bundled, o)
	}
	if b := l.find(ctx, r); b != nil {
		return verify.Bundle(b, o)
	}
	doc, resolveErr := l.resolve(ctx, r.Issuer())
	o.Document = doc
	v := verify.Receipt(data, o)
	for i := range v.Checks {
		if c := &v.Checks[i]; c.Name == verify.CheckIssuer && c.Status == verdict.NotChecked && resolveErr != nil {
			c.Detail = fmt.Sprintf("%s: %v", c.Detail, resolveErr)
		}
	}
	return v
}

// verifyBundled verifies a receipt with the bundle that came along.
func verifyBundled(r *receipt.Receipt, bundled []byte, o verify.Options) *verdict.Verdict {
	b, err := bundle.Parse(bundled)
	if err == nil && !bytes.Equal(b.Receipt, r.Canonical()) {
		err = verdict.Errorf(verdict.CommitmentMismatch, "bundle.receipt", "the bundle is of another receipt than the one sent")
	}
	if err != nil {
		v := verify.Receipt(r.Canonical(), o)
		v.Fail(checkBundle, err)
		v.Conclude()
		return v
	}
	return verify.Bundle(b, o)
}

// find returns the bundle of a receipt that this log has published, or nil. Who
// has every byte of a receipt learns nothing about it from that.
func (l *Log) find(ctx context.Context, r *receipt.Receipt) *bundle.Bundle {
	at, found, err := l.recognise(r)
	p := l.Published()
	if err != nil || !found || p == nil || at >= p.Size() {
		return nil
	}
	b, err := l.recall(ctx, p, at)
	if err != nil {
		return nil
	}
	return b
}
