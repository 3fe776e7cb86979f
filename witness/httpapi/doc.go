// Package httpapi puts a witness on HTTP: the routes of C2SP tlog-witness, a
// status page and metrics.
//
//	POST /add-checkpoint         a log asks for cosignatures
//	POST /sign-subtree           anybody asks for a subtree signature (404 without an ML-DSA-44 key)
//	GET  /<origin hash>/checkpoint   what was cosigned last
//	GET  /                       the status page
//	GET  /metrics                Prometheus metrics
//	GET  /healthz                200 while the process serves
//
// It is made for the open internet: every route bounds the body it reads, each
// client may ask so many times a second, and only so many requests run at once.
// What is beyond is answered 429 or 503 with Retry-After. Timeouts are those of
// [NewServer].
//
// Package witness decides; this package only speaks HTTP.
package httpapi
