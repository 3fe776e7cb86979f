package httpapi

import (
	"context"
	"encoding/json/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
)

// maxPromiseBody: an erasure may name some thousands of indices.
const maxPromiseBody = 256 << 10

// promiseRoutes are the routes by which promises are made and ended.
func (h *Handler) promiseRoutes() (rules, holds, erasures *route) {
	writes := newGate(maxPromises)
	rules = newRoute("retention", writes, false, map[string]serveFunc{
		http.MethodGet: h.operator(h.serveRules), http.MethodPut: h.operator(h.serveSetRules)})
	holds = newRoute("holds", writes, false, map[string]serveFunc{http.MethodPost: h.operator(h.serveHold)})
	erasures = newRoute("erasures", writes, false, map[string]serveFunc{http.MethodPost: h.operator(h.serveErasure)})
	return rules, holds, erasures
}

// orgOf finds the organisation in the path of its rules.
func orgOf(path string) (org string, ok bool) {
	rest, ok := strings.CutPrefix(path, api.RouteOrgs+"/")
	if !ok {
		return "", false
	}
	org, ok = strings.CutSuffix(rest, "/retention")
	if !ok || org == "" || strings.Contains(org, "/") {
		return "", false
	}
	org, err := url.PathUnescape(org)
	return org, err == nil
}

// serveSetRules answers PUT of an organisation's rules.
func (h *Handler) serveSetRules(w http.ResponseWriter, r *http.Request, org string) error {
	var req api.RulesRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	rules := entry.Rules{Class: req.Class, Event: req.Event, Applies: req.Applies, Asked: req.Asked}
	if rules.Applies == "" {
		rules.Applies = entry.AppliesLater
	}
	if req.Period != "" {
		p, err := period.Parse(req.Period)
		if err != nil {
			return verdict.Errorf(verdict.Malformed, "period", "must be an ISO 8601 period such as P2Y")
		}
		rules.Period = &p
	}
	if req.Notice != "" {
		p, err := period.Parse(req.Notice)
		if err != nil {
			return verdict.Errorf(verdict.Malformed, "notice", "must be an ISO 8601 period such as P30D")
		}
		rules.Notice = p
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.timeouts.publish)
	defer cancel()
	at, rules, err := h.log.Keeper().SetRules(ctx, org, rules)
	if err != nil {
		return err
	}
	return serveAppended(w, at, rules)
}

// serveRules answers GET of an organisation's rules.
func (h *Handler) serveRules(w http.ResponseWriter, _ *http.Request, org string) error {
	handle, err := h.log.Handle(org)
	if err != nil {
		return err
	}
	rules, holds := h.log.Keeper().InForce(handle)
	answer := api.Retention{Org: org, Holds: holds}
	if rules != nil {
		answer.Rules = &api.Appended{Index: rules.Index, Entry: rules.Marshal()}
	}
	return serveJSON(w, http.StatusOK, answer)
}

// serveHold answers POST of a hold.
func (h *Handler) serveHold(w http.ResponseWriter, r *http.Request, _ string) error {
	var req api.HoldRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	hold := entry.Hold{Action: req.Action, Lifts: req.Lifts, Basis: req.Basis, Asked: req.Asked}
	for _, pair := range req.Ranges {
		hold.Ranges = append(hold.Ranges, entry.Range{First: pair[0], Last: pair[1]})
	}
	if req.Org != "" {
		var err error
		if hold.Org, err = h.log.Handle(req.Org); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.timeouts.publish)
	defer cancel()
	at, hold, err := h.log.Keeper().Hold(ctx, hold)
	if err != nil {
		return err
	}
	return serveAppended(w, at, hold)
}

// serveErasure answers POST of a request for erasure.
func (h *Handler) serveErasure(w http.ResponseWriter, r *http.Request, _ string) error {
	var req api.ErasureRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	handle, err := h.log.Handle(req.Org)
	if err != nil {
		return err
	}
	indices := req.Indices
	if req.RunID != "" {
		stored, err := h.log.Run(r.Context(), req.RunID)
		if err != nil {
			return err
		}
		for _, s := range stored {
			indices = append(indices, s.Index)
		}
	}
	if len(indices) == 0 {
		return verdict.Errorf(verdict.NotLogged, "", "the log has no receipt to erase by that name")
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.timeouts.publish)
	defer cancel()
	at, erasure, err := h.log.Keeper().Erase(ctx, handle, indices, req.Legal, req.Asked)
	if err != nil {
		return err
	}
	return serveAppended(w, at, erasure)
}

// readRequest reads a request strictly: what it misspells it does not ask for.
func (h *Handler) readRequest(w http.ResponseWriter, r *http.Request, into any) error {
	if _, err := mediaType(r, api.MediaJSON); err != nil {
		return err
	}
	data, err := h.readBody(w, r, maxPromiseBody)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into, json.RejectUnknownMembers(true)); err != nil {
		return verdict.Errorf(verdict.Malformed, "", "%v", err)
	}
	return nil
}

// serveAppended answers with an entry that is published.
func serveAppended(w http.ResponseWriter, at uint64, e entry.Entry) error {
	return serveJSON(w, http.StatusCreated, api.Appended{Index: at, Entry: e.Marshal()})
}

func serveJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", api.MediaJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
	return nil
}
