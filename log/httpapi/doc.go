// Package httpapi serves a [log.Log] over HTTP: the tiles and checkpoint of
// C2SP tlog-tiles, and the receipt routes under /api/v1/trust/build-receipts.
//
// Handlers are thin: a serveX function speaks HTTP and hands bytes to the log
// or to a function that knows no HTTP. Routes, with their methods, body bounds
// and bounds on concurrency, are one table (routes.go); codes and their
// statuses are another (problem.go). Whatever a client sends, each request is
// bounded in header, body, time and memory, and a refused one has changed
// nothing.
//
// Every error answer is an RFC 9457 problem document with a stable code. A
// receipt that is not public is answered exactly as one that does not exist.
package httpapi
