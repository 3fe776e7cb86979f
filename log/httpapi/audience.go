package httpapi

import (
	"net/http"

	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
	logsearch "github.com/armalo/receiptlog/log/search"
)

// maxAudiences bounds the organisations whose private receipts are searched at
// once, each with lists of its own; beyond it a search names one.
const maxAudiences = 64

// audiences returns whose receipts the caller may find: those that are public,
// and the private ones that it may see.
func (h *Handler) audiences(r *http.Request, q *search.Query) ([]logsearch.Audience, error) {
	view := viewOf(callerOf(r))
	all := []logsearch.Audience{logsearch.Everybody}
	switch {
	case view.All && q.Org != "":
		return append(all, logsearch.Private(q.Org)), nil
	case !view.All && view.Org != "":
		return append(all, logsearch.Private(view.Org)), nil
	case !view.All:
		return all, nil
	}
	orgs, err := h.log.Organisations(maxAudiences + 1)
	if err != nil {
		return nil, err
	}
	if len(orgs) > maxAudiences {
		return nil, verdict.Errorf(verdict.Malformed, "query.org", "must name an organisation, since this key may read more than %d", maxAudiences)
	}
	for _, org := range orgs {
		all = append(all, logsearch.Private(org))
	}
	return all, nil
}
