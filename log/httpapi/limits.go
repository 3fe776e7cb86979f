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

	// headerTimeout and idleTimeout: a slow client holds a connection only.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// bodyTimeout: a receipt of 1 MiB at 35 KiB a second.
	bodyTimeout = 30 * time.Second
	// publishTimeout: how long a submitter waits for a checkpoint. Proxies
	// give up at 60 seconds.
	publishTimeout = 30 * time.Second
	// writeTimeout: how long a client may take to read an answer.
	writeTimeout = 60 * time.Second

	// lineTimeout: how long one NDJSON line may take to arrive, and how long
	// a batch may pause between lines.
	lineTimeout = 30 * time.Second
	// maxLinesInFlight and maxBytesInFlight bound what one batch holds in
	// memory between reading a line and answering it. Lines wait for their
	// checkpoint side by side, so the first also bounds a batch's speed: at a
	// checkpoint every half second, 8,000 receipts a second.
	maxLinesInFlight = 4096
	maxBytesInFlight = 32 << 20
)

// How many requests of each kind are served at once. More are refused with
// 503 at no cost. A waiting submitter costs some 20 KiB.
const (
	maxSubmissions = 2048
	maxBatches     = 16  // each up to maxBytesInFlight
	maxExternal    = 32  // each up to maxExternalBody, and may resolve a DID
	maxReads       = 512 // tiles, receipts, bundles: short, from memory or disk
)
