package api

// Routes of the log, below its prefix. The tile routes are those of C2SP
// tlog-tiles and stand beside them: /checkpoint and /tile/...
const (
	RouteReceipts       = "/api/v1/trust/build-receipts"
	RouteVerifyExternal = RouteReceipts + "/verify-external"
	RouteCheckpoint     = "/checkpoint"
	RouteHistory        = "/api/v1/checkpoints"
	RouteHealth         = "/healthz"
	RouteReady          = "/readyz"
	RouteMetrics        = "/metrics"
	RouteOpenAPI        = "/openapi.json"
)

// Media types of requests and answers.
const (
	MediaJSON       = "application/json"
	MediaCredential = "application/vc"           // a receipt: a W3C Verifiable Credential
	MediaNDJSON     = "application/x-ndjson"     // one receipt a line in, one Line a line out
	MediaProblem    = "application/problem+json" // RFC 9457
	MediaProof      = "text/x.tlog.proof"        // C2SP tlog-proof
)

// PreferAsync is the value of the Prefer header (RFC 7240) that asks for an
// answer as soon as a receipt is durably sequenced, before it is under a
// published checkpoint.
const PreferAsync = "respond-async"

// Query parameters of the read routes.
const (
	QueryIndex  = "index"  // picks one of several receipts of a run
	QueryFormat = "format" // of a bundle: FormatJSON or FormatProof
	QueryFrom   = "from"   // least size of a kept checkpoint
	QueryAfter  = "after"  // the time of the last line of the page before
	QueryLimit  = "limit"  // most lines
)

// Values of QueryFormat.
const (
	FormatJSON  = "json"
	FormatProof = "tlog-proof"
)

// RunRoute is where the receipt of a run is read.
func RunRoute(runID string) string {
	return RouteReceipts + "/" + escapeSegment(runID)
}

// BundleRoute is where the bundle of a run's receipt is read.
func BundleRoute(runID string) string {
	return RunRoute(runID) + "/bundle"
}

// KeptCheckpoint is one line of [RouteHistory]: a checkpoint that was published,
// with all cosignatures that were collected for it.
type KeptCheckpoint struct {
	Size       uint64 `json:"size"`
	At         string `json:"at"` // when it was published, by the log's clock
	Checkpoint string `json:"checkpoint"`
}
