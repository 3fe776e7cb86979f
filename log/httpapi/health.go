package httpapi

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// health is the body of /healthz and /readyz.
type health struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Size   uint64 `json:"size"`
}

// serveHealth answers GET /healthz: whether the process does its work at all,
// or should be started anew.
func (h *Handler) serveHealth(w http.ResponseWriter, _ *http.Request, _ string) error {
	state := health{OK: true, Detail: "the log is running"}
	if h.log.Failure() != nil {
		state = health{Detail: "the log has stopped after a failure"}
	}
	return writeHealth(w, state)
}

// serveReady answers GET /readyz: whether a fresh checkpoint is published and
// receipts are taken in.
func (h *Handler) serveReady(w http.ResponseWriter, _ *http.Request, _ string) error {
	return writeHealth(w, h.readiness(time.Now()))
}

func (h *Handler) readiness(now time.Time) health {
	select {
	case <-h.draining:
		return health{Detail: "the log is shutting down"}
	default:
	}
	if h.log.Failure() != nil {
		return health{Detail: "the log has stopped after a failure"}
	}
	p := h.log.Published()
	if p == nil {
		return health{Detail: "no checkpoint is published yet"}
	}
	age := now.Sub(p.At).Round(time.Second)
	state := health{Size: p.Size(), Detail: fmt.Sprintf("the published checkpoint is %s old", age)}
	if age > h.opts.MaxAge {
		state.Detail += fmt.Sprintf(", more than the %s allowed", h.opts.MaxAge)
		return state
	}
	state.OK = true
	if h.log.Full() {
		// Reading goes on, so whoever balances load must not turn away.
		state.Detail += "; the disk is nearly full and receipts are refused"
	}
	return state
}

func writeHealth(w http.ResponseWriter, state health) error {
	body, err := json.Marshal(state)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", api.MediaJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if !state.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	w.Write(body)
	return nil
}

// serveMetrics answers GET /metrics.
func (h *Handler) serveMetrics(w http.ResponseWriter, r *http.Request, _ string) error {
	h.opts.Metrics.ServeHTTP(w, r)
	return nil
}
