package main

import (
	"encoding/json/v2"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// maxEvidence bounds a file to verify.
const maxEvidence = max(bundle.MaxBytes, receipt.MaxBytes)

// judge verifies the contents of a file: a bundle, or a bare receipt, which
// may come with a .tlog-proof. Bad input is a failed verdict, not an error.
func judge(data, tlogProof []byte, o verify.Options) *verdict.Verdict {
	if tlogProof != nil {
		b, err := join(data, tlogProof)
		if err != nil {
			return failedAt(verify.CheckOpening, err)
		}
		return verify.Bundle(b, o)
	}
	if !isBundle(data) {
		return verify.Receipt(data, o)
	}
	b, err := bundle.Parse(data)
	if err != nil {
		return failedAt("bundle", err)
	}
	return verify.Bundle(b, o)
}

// isBundle tells a bundle from a receipt by the member that names its version.
// What is neither is judged as a receipt, and refused as one.
func isBundle(data []byte) bool {
	var head struct {
		Bundle string `json:"bundle"`
	}
	err := json.Unmarshal(data, &head)
	return err == nil && head.Bundle != ""
}

// join makes a bundle of a receipt and its tlog-proof.
func join(data, tlogProof []byte) (*bundle.Bundle, error) {
	r, err := receipt.Parse(data)
	if err != nil {
		return nil, err
	}
	p, err := proof.Parse(tlogProof)
	if err != nil {
		return nil, err
	}
	return bundle.FromTlogProof(r.Canonical(), p)
}

func failedAt(check string, err error) *verdict.Verdict {
	v := verdict.New()
	v.Fail(check, err)
	v.Conclude()
	return v
}

// diffOfBundle returns base and head of the receipt in data, where it has
// them.
func diffOfBundle(data []byte) (base, head string, ok bool) {
	if b, err := bundle.Parse(data); err == nil {
		data = b.Receipt
	}
	r, err := receipt.Parse(data)
	if err != nil {
		return "", "", false
	}
	d := r.Credential().CredentialSubject.Build.Diff
	return d.Base, d.Head, d.Base != "" && d.Head != ""
}
