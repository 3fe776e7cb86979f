package httpapi

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// health is the body of /healthz and /readyz.
type health struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Size   uint64 `json:"size"`
	// Missing are the witnesses that do not cosign.
	Missing []missing `json:"missing,omitzero"`
	// Issuers are those whose DID documents cannot be had, up to maxListed.
	Issuers []unavailable `json:"issuers,omitzero"`
}

// maxListed keeps the answer short; the metrics count all.
const maxListed = 20

// unavailable is an issuer whose DID document cannot be had. Receipts signed with
// the keys last seen are taken until Until.
type unavailable struct {
	Issuer string    `json:"issuer"`
	Since  time.Time `json:"since"`
	Seen   time.Time `json:"seen"`
	Until  time.Time `json:"until"`
}

// missing is a witness that does not cosign. Why is in the operator's log: it may
// name addresses.
type missing struct {
	Witness string    `json:"witness"` // its names in the policy
	Since   time.Time `json:"since"`
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
// receipts are taken in, which witnesses are missing, and whose DID documents.
func (h *Handler) serveReady(w http.ResponseWriter, _ *http.Request, _ string) error {
	state := h.readiness(time.Now())
	for _, s := range h.log.Witnesses() {
		if !s.FailingSince.IsZero() {
			state.Missing = append(state.Missing, missing{strings.Join(s.Names, "+"), whole(s.FailingSince)})
		}
	}
	failures := h.log.IssuerFailures()
	for _, f := range failures[:min(len(failures), maxListed)] {
		state.Issuers = append(state.Issuers, unavailable{f.DID, whole(f.Since), whole(f.Seen), whole(f.Until)})
	}
	return writeHealth(w, state)
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func (h *Handler) readiness(now time.Time) health {
	select {
	case <-h.draining:
		return health{Detail: "the log is shutting down"}
	default:
	}
	if h.log.Failure() != nil {
		return health{Detail: "the log has stopped after a failure"}
	}
	if why := h.log.Refused(); why != nil {
		return health{Detail: "the log refuses to sign: " + why.Error()}
	}
	p := h.log.Published()
	if h.log.Frozen() && p != nil {
		return health{OK: true, Size: p.Size(), Detail: "the log is frozen for good: it serves what is in it, and takes nothing in"}
	}
	if rule, lost := h.log.Quorum(); !lost.IsZero() {
		state := health{Detail: fmt.Sprintf("since %s the quorum of witnesses, %s, does not cosign", lost.UTC().Format(time.RFC3339), rule)}
		if p != nil {
			state.Size = p.Size()
		}
		// Failing open is the operator's choice: the log is ready, without quorum.
		state.OK = p != nil && h.log.FailsOpen()
		return state
	}
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
