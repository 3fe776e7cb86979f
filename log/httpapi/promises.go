package httpapi

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
)

// maxPromiseBody: an erasure may name some thousands of indices.
const maxPromiseBody = 256 << 10

// promiseRoutes are the routes by which promises are made and ended.
func (h *Handler) promiseRoutes() (rules, holds, erasures *route) {
	writes := newGate(maxPromises)
	rules = newRoute("retention", writes, false, map[string]serveFunc{
		http.MethodGet: h.serveRules, http.MethodPut: h.serveSetRules})
	holds = newRoute("holds", writes, false, map[string]serveFunc{http.MethodPost: h.serveHold})
	erasures = newRoute("erasures", writes, false, map[string]serveFunc{http.MethodPost: h.serveErasure})
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
	if err := onlyOwn(callerOf(r), org); err != nil {
		return err
	}
	if !receipt.IsOrg(org) {
		return verdict.Errorf(verdict.Malformed, "org", "is no name that an organisation can have in a receipt")
	}
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
	var at uint64
	act := api.Act{Act: actRules, Org: org, Detail: req.Class + " " + req.Period}
	err := h.onTrail(r, act, func() (result string, err error) {
		at, rules, err = h.log.Keeper().SetRules(ctx, org, rules)
		return fmt.Sprintf("entry %d", at), err
	})
	if err != nil {
		return err
	}
	return serveAppended(w, at, rules)
}

// serveRules answers GET of an organisation's rules.
func (h *Handler) serveRules(w http.ResponseWriter, r *http.Request, org string) error {
	if err := onlyOwn(callerOf(r), org); err != nil {
		return err
	}
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
	if err := h.mayHold(callerOf(r), req); err != nil {
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
	var at uint64
	act := api.Act{Act: actHold, Org: req.Org, Detail: req.Action + " " + req.Basis}
	err := h.onTrail(r, act, func() (result string, err error) {
		at, hold, err = h.log.Keeper().Hold(ctx, hold)
		return fmt.Sprintf("entry %d", at), err
	})
	if err != nil {
		return err
	}
	return serveAppended(w, at, hold)
}

// mayHold says whether the caller may place or lift that hold. With a key of one
// organisation it is a hold over all of that one: who lifts a hold of another,
// or one that there is not, is told the same.
func (h *Handler) mayHold(c access.Caller, req api.HoldRequest) error {
	if c.All() {
		return nil
	}
	if req.Lifts == nil {
		if len(req.Ranges) > 0 {
			return verdict.Errorf(api.CodeForbidden, "ranges", "holds over ranges of entries want a key for all organisations")
		}
		return onlyOwn(c, req.Org)
	}
	handle, err := h.log.Handle(c.Org())
	if err == nil && h.log.Keeper().HoldIsOf(*req.Lifts, handle) {
		return nil
	}
	return verdict.Errorf(api.CodeForbidden, "lifts", "this key lifts holds of the organisation %s only", c.Org())
}

// serveErasure answers POST of a request for erasure.
func (h *Handler) serveErasure(w http.ResponseWriter, r *http.Request, _ string) error {
	var req api.ErasureRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	if err := onlyOwn(callerOf(r), req.Org); err != nil {
		return err
	}
	handle, err := h.log.Handle(req.Org)
	if err != nil {
		return err
	}
	indices := req.Indices
	if req.RunID != "" {
		stored, err := h.log.Run(r.Context(), req.RunID, log.View{Org: req.Org})
		if err != nil {
			return err
		}
		for _, s := range stored {
			if s.Receipt.Org() == req.Org { // others of the run may be public
				indices = append(indices, s.Index)
			}
		}
	}
	if len(indices) == 0 {
		return verdict.Errorf(verdict.NotLogged, "", "the log has no receipt to erase by that name")
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.timeouts.publish)
	defer cancel()
	var at uint64
	var erasure entry.Erasure
	act := api.Act{Act: actErasure, Org: req.Org, Subject: fmt.Sprintf("entry %d", indices[0]),
		Detail: fmt.Sprintf("%d receipts; %s", len(indices), req.Legal)} // I7: never what a receipt says
	err = h.onTrail(r, act, func() (result string, err error) {
		at, erasure, err = h.log.Keeper().Erase(ctx, handle, indices, req.Legal, req.Asked)
		return fmt.Sprintf("entry %d", at), err
	})
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
