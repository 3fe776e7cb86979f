package httpapi

import (
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
)

// What one request may cost. Everything a client can make large, slow or many
// is bounded here, with the reason.
const (
	// maxHeaderBytes: our longest request line is a run id, and browsers send
	// a few KiB of cookies to anybody.
	maxHeaderBytes = 16 << 10
	// maxReceiptBody: the bound on a receipt, as sent.
	maxReceiptBody = receipt.MaxBytes
	// maxExternalBody: a receipt, a bundle that holds it again, and a diff.
	maxExternalBody = receipt.MaxBytes + bundle.MaxBytes + 1<<20
	// maxSwallowed is read of a body that is refused: as much as the largest
	// that is not.
	maxSwallowed = maxExternalBody

	// headerTimeout and idleTimeout: a slow client holds a connection only.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute

	// maxLinesInFlight and maxBytesInFlight bound what one batch holds in
	// memory between reading a line and answering it. Lines wait for their
	// checkpoint side by side, so the first also bounds a batch's speed: at a
	// checkpoint every quarter second, 16,000 receipts a second.
	maxLinesInFlight = 4096
	maxBytesInFlight = 32 << 20
)

// timeouts bound how long the parts of a request may take.
type timeouts struct {
	body    time.Duration // for the whole body of a request
	swallow time.Duration // for what is left of a body that is refused
	line    time.Duration // for one line of a batch, pauses included
	publish time.Duration // for the wait for a checkpoint
	write   time.Duration // for the client to take an answer
}

var defaultTimeouts = timeouts{
	body:    30 * time.Second, // a receipt of 1 MiB at 35 KiB a second
	swallow: 5 * time.Second,
	line:    30 * time.Second, // the same, for one of many
	publish: 30 * time.Second, // proxies give up at 60 seconds
	write:   60 * time.Second, // a bundle of 1 MiB at 20 KiB a second
}

// How many requests of each kind are served at once. More are refused with
// 503 at no cost. A waiting submitter costs some 20 KiB.
const (
	maxSubmissions = 2048
	maxBatches     = 16  // each up to maxBytesInFlight
	maxExternal    = 32  // each up to maxExternalBody, and may resolve a DID
	maxPromises    = 16  // rules, holds and erasures: rare
	maxBodies      = 32  // each up to a buffer, and disk reads
	maxReads       = 512 // tiles, receipts, bundles: short, from memory or disk
)
