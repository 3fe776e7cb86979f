package httpapi

import (
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// RouteOf returns the name of the route of a path.
func (h *Handler) RouteOf(path string) (name string, ok bool) {
	r, _, ok := h.routes.match(path)
	return r.name, ok
}

// SetTimeouts shortens what tests would otherwise wait for.
func (h *Handler) SetTimeouts(body, line, publish, write time.Duration) {
	h.timeouts = timeouts{body: body, swallow: body, line: line, publish: publish, write: write}
}

// What tests in httpapi_test look at.
var (
	AppendResult = appendResult
	Statuses     = statuses
	OpenAPI      = openAPI
)

// NeedsKey tells a test what a route and method want of a key.
type NeedsKey struct {
	Name      string // as in "GET receipt"
	Looks     bool   // the key is looked at
	Must      bool   // without a good one there is no answer
	IfSo      bool   // that depends on the configuration
	AnyScopes []api.Scope
}

// Needs lists every route and method of the handler.
func (h *Handler) Needs() (all []NeedsKey) {
	for _, r := range h.routes.all() {
		for method, n := range r.needs {
			all = append(all, NeedsKey{method + " " + r.name, n.asks != nothing, n.asks == aKey, n.asks == aKeyIfSo, n.scopes})
		}
	}
	return all
}

// Undocumented lists rows of the table that no route has.
func (h *Handler) Undocumented() (names []string) {
	known := make(map[string]bool)
	for _, n := range h.Needs() {
		known[n.Name] = true
	}
	for name := range needs {
		if !known[name] {
			names = append(names, name)
		}
	}
	return names
}

// RequireKeys has a running handler want keys of submitters.
func (h *Handler) RequireKeys(so bool) { h.opts.RequireKeys = so }

// ParseTrailQuery is what tests fuzz.
var ParseTrailQuery = parseTrailQuery
