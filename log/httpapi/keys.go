package httpapi

import (
	"net/http"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// maxKeyRequests at a time: each change is one sync of the disk, and there are
// few administrators.
const maxKeyRequests = 8

// keyRoutes are the routes by which keys are managed and the trail is read.
type keyRoutes struct{ keys, key, rotate, trail *route }

func (h *Handler) newKeyRoutes() keyRoutes {
	few := newGate(maxKeyRequests)
	return keyRoutes{
		keys: newRoute("keys", few, false, map[string]serveFunc{
			http.MethodGet: h.serveKeys, http.MethodPost: h.serveCreateKey}),
		key: newRoute("key", few, false, map[string]serveFunc{
			http.MethodGet: h.serveKey, http.MethodDelete: h.serveRevokeKey}),
		rotate: newRoute("key_rotate", few, false, map[string]serveFunc{http.MethodPost: h.serveRotateKey}),
		trail:  newRoute("trail", few, false, map[string]serveFunc{http.MethodGet: h.serveTrail}),
	}
}

// match finds the route of a path below that of keys.
func (k *keyRoutes) match(path string) (r *route, id string, ok bool) {
	id, ok = strings.CutPrefix(path, api.RouteKeys+"/")
	if !ok {
		return nil, "", false
	}
	id, rotate := strings.CutSuffix(id, "/rotate")
	if id == "" || strings.Contains(id, "/") {
		return nil, "", false
	}
	if rotate {
		return k.rotate, id, true
	}
	return k.key, id, true
}

// serveKeys answers GET of all keys that the caller may manage.
func (h *Handler) serveKeys(w http.ResponseWriter, r *http.Request, _ string) error {
	keys, err := h.log.Access().List(callerOf(r))
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, api.KeyListing{Keys: keys})
}

// serveCreateKey answers POST of a request for a key with the key, which is
// shown here and never again.
func (h *Handler) serveCreateKey(w http.ResponseWriter, r *http.Request, _ string) error {
	var req api.KeyRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	key, err := h.log.Access().Create(callerOf(r), req)
	if err != nil {
		return err
	}
	w.Header().Set("Location", api.KeyRoute(key.ID))
	return serveJSON(w, http.StatusCreated, key)
}

// serveKey answers GET of one key.
func (h *Handler) serveKey(w http.ResponseWriter, r *http.Request, id string) error {
	key, err := h.log.Access().Get(callerOf(r), id)
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, key)
}

// serveRevokeKey answers DELETE of a key: it ends, and stays in the list.
func (h *Handler) serveRevokeKey(w http.ResponseWriter, r *http.Request, id string) error {
	key, err := h.log.Access().Revoke(callerOf(r), id)
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, key)
}

// serveRotateKey answers POST of a request for a key in place of another.
func (h *Handler) serveRotateKey(w http.ResponseWriter, r *http.Request, id string) error {
	var req api.RotateRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	key, err := h.log.Access().Rotate(callerOf(r), id, req)
	if err != nil {
		return err
	}
	w.Header().Set("Location", api.KeyRoute(key.ID))
	return serveJSON(w, http.StatusCreated, key)
}

// serveTrail answers GET of a page of the trail.
func (h *Handler) serveTrail(w http.ResponseWriter, r *http.Request, _ string) error {
	from, limit, err := parseTrailQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, err := h.log.Access().Trail(callerOf(r), from, limit)
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, page)
}

func parseTrailQuery(raw string) (from uint64, limit int, err error) {
	limit = api.MaxTrailLines
	err = parameters(raw, map[string]func(string) error{
		api.QueryFrom: func(value string) (err error) {
			if from, err = checkpoint.ParseSize(value); err != nil {
				return verdict.Errorf(verdict.Malformed, "query.from", "must be the number of an act, in decimal")
			}
			return nil
		},
		api.QueryLimit: limitTo(api.MaxTrailLines, &limit),
	})
	return from, limit, err
}
