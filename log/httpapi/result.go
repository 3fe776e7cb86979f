package httpapi

import (
	"encoding/hex"
	"encoding/json/jsontext"
	"strconv"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/log"
)

// appendResult appends the members of an api.SubmitResult, with b for its bundle,
// which is nil where nobody waited for it. The bundle is long, and so it is
// made right where it belongs; a test holds the outcome to the wire type.
func appendResult(dst []byte, r *api.SubmitResult, b *bundle.Bundle) []byte {
	dst = append(dst, `"index":`...)
	dst = strconv.AppendUint(dst, r.Index, 10)
	dst = append(dst, `,"duplicate":`...)
	dst = strconv.AppendBool(dst, r.Duplicate)
	if r.RunID != "" {
		dst = append(dst, `,"runId":`...)
		dst, _ = jsontext.AppendQuote(dst, r.RunID) // from a parsed receipt, so UTF-8
	}
	dst = append(dst, `,"receiptHash":"`...)
	dst = append(dst, r.ReceiptHash...)
	dst = append(dst, '"')
	if b != nil {
		dst = b.Append(append(dst, `,"bundle":`...))
	}
	return dst
}

// resultOf describes a receipt that was taken in, but for its bundle.
func resultOf(p *log.Pending, index uint64) *api.SubmitResult {
	hash := p.Hash()
	return &api.SubmitResult{
		Index:       index,
		Duplicate:   p.Duplicate(),
		RunID:       p.RunID(),
		ReceiptHash: hex.EncodeToString(hash[:]),
	}
}

// bundleURL is where the bundle of this very receipt is read.
func bundleURL(runID string, index uint64) string {
	return api.BundleRoute(runID) + "?" + api.QueryIndex + "=" + strconv.FormatUint(index, 10)
}
