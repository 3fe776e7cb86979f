package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/armalo/receiptlog/client/api"
)

// serveFunc answers one request. arg is the variable part of the path. It
// returns an error only where it has written nothing.
type serveFunc func(w http.ResponseWriter, r *http.Request, arg string) error

// route is one row of the table of routes.
type route struct {
	name    string // label in metrics and logs: one of a fixed set
	labels  labels
	methods map[string]serveFunc
	needs   map[string]need // what key each method wants
	allow   string          // value of the Allow field
	gate    gate            // how many at a time
	cors    bool            // whether a web page of any origin may call it
}

// routes finds the route of a path. Exact paths come first.
type routes struct {
	exact    map[string]*route
	tiles    *route
	receipt  *route
	rules    *route // of an organisation
	bundle   *route
	keys     keyRoutes
	hooks    webhookRoutes
	fallback *route // what a request that matches none is counted under
}

// table is every route of the server.
func (h *Handler) table() routes {
	reads := newGate(maxReads)
	get := func(name string, g gate, cors bool, f serveFunc) *route {
		return newRoute(name, g, cors, map[string]serveFunc{http.MethodGet: f})
	}
	post := func(name string, g gate, cors bool, f serveFunc) *route {
		return newRoute(name, g, cors, map[string]serveFunc{http.MethodPost: f})
	}
	t := routes{
		exact: map[string]*route{
			api.RouteCheckpoint: get("checkpoint", reads, true, h.serveCheckpoint),
			api.RouteReceipts:   post("submit", nil, false, h.serveSubmissions()),
			api.RouteVerifyExternal: newRoute("verify_external", newGate(maxExternal), true, map[string]serveFunc{
				http.MethodPost: h.serveVerifyExternal,
				http.MethodGet:  h.serveNamesake,
			}),
			api.RouteHealth:  get("healthz", nil, false, h.serveHealth),
			api.RouteHistory: get("history", newGate(maxHistories), true, h.serveHistory),
			api.RouteReady:   get("readyz", nil, false, h.serveReady),
		},
		tiles:    get("tile", reads, true, h.serveTile),
		receipt:  get("receipt", reads, true, h.serveReceipt),
		bundle:   get("bundle", reads, true, h.serveBundle),
		keys:     h.newKeyRoutes(),
		hooks:    h.newWebhookRoutes(),
		fallback: newRoute("none", nil, false, nil),
	}
	t.exact[api.RouteBodies] = get("bodies", newGate(maxBodies), true, h.serveBodies)
	t.exact[api.RouteOpenAPI] = get("openapi", reads, true, h.serveOpenAPI)
	t.exact[api.RouteSearch] = get("search", newGate(maxSearches), true, h.serveSearch)
	t.rules, t.exact[api.RouteHolds], t.exact[api.RouteErasures] = h.promiseRoutes()
	t.exact[api.RouteExport] = h.newExportRoute()
	t.exact[api.RouteKeys], t.exact[api.RouteTrail] = t.keys.keys, t.keys.trail
	if h.opts.Metrics != nil {
		t.exact[api.RouteMetrics] = get("metrics", newGate(1), false, h.serveMetrics)
	}
	return t
}

func newRoute(name string, g gate, cors bool, methods map[string]serveFunc) *route {
	allow := []string{http.MethodOptions}
	for m := range methods {
		allow = append(allow, m)
		if m == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	return &route{name: name, labels: newLabels(name), methods: methods, allow: strings.Join(allow, ", "), gate: g, cors: cors}
}

// all returns every route that can be called.
func (t *routes) all() []*route {
	all := []*route{t.tiles, t.receipt, t.rules, t.bundle, t.keys.key, t.keys.rotate}
	all = append(all, t.hooks.list()...)
	for _, r := range t.exact {
		all = append(all, r)
	}
	return all
}

// match finds the route of an escaped path and the variable part of it. Paths
// are taken as they are: nothing is cleaned, joined or redirected.
func (t *routes) match(path string) (r *route, arg string, ok bool) {
	if r = t.exact[path]; r != nil {
		return r, "", true
	}
	if strings.HasPrefix(path, "/tile/") {
		return t.tiles, path[1:], true
	}
	if org, ok := orgOf(path); ok {
		return t.rules, org, true
	}
	if r, id, ok := t.keys.match(path); ok {
		return r, id, true
	}
	if r, id, ok := t.hooks.match(path); ok {
		return r, id, true
	}
	rest, ok := strings.CutPrefix(path, api.RouteReceipts+"/")
	if !ok {
		return t.fallback, "", false
	}
	run, bundle := strings.CutSuffix(rest, "/bundle")
	if run == "" || strings.Contains(run, "/") {
		return t.fallback, "", false
	}
	run, err := url.PathUnescape(run)
	if err != nil {
		return t.fallback, "", false
	}
	if bundle {
		return t.bundle, run, true
	}
	return t.receipt, run, true
}
