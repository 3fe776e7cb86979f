package httpapi

import "net/http"

// allowOrigins lets web pages of any origin read an answer. Everything it is
// set on is public and the same for everybody; no cookie is ever looked at.
func allowOrigins(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "ETag, Link, Location, Retry-After, X-Request-Id")
}

// serveOptions answers OPTIONS, among it the preflight requests of browsers.
func serveOptions(w http.ResponseWriter, r *http.Request, route *route) error {
	h := w.Header()
	h.Set("Allow", route.allow)
	if route.cors {
		h.Set("Access-Control-Allow-Methods", route.allow)
		h.Set("Access-Control-Allow-Headers", "Accept, Content-Type, If-None-Match")
		h.Set("Access-Control-Max-Age", "86400") // browsers cap it anyway
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
