package httpapi

import (
	"net/http"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
	logsearch "github.com/armalo/receiptlog/log/search"
)

// maxAudiences bounds the organisations whose private receipts are searched at
// once, each with lists of its own; beyond it a search names one.
const maxAudiences = 64

// audiences returns whose receipts the caller may find: those that are public,
// and with a key the private ones of the organisations that it may read. keyed is
// false for who shows none.
func (h *Handler) audiences(r *http.Request, q *search.Query) (all []logsearch.Audience, keyed bool, err error) {
	all = []logsearch.Audience{logsearch.Everybody}
	if r.Header.Get("Authorization") == "" {
		return all, false, nil
	}
	if h.scope(r) == "" {
		return nil, false, verdict.Errorf(api.CodeUnauthorized, "", "the key is not known here")
	}
	orgs := []string{q.Org}
	if q.Org == "" {
		if orgs, err = h.log.Organisations(maxAudiences + 1); err != nil {
			return nil, false, err
		}
		if len(orgs) > maxAudiences {
			return nil, false, verdict.Errorf(verdict.Malformed, "query.org", "must name an organisation, since this key may read more than %d", maxAudiences)
		}
	}
	for _, org := range orgs {
		all = append(all, logsearch.Private(org))
	}
	return all, true, nil
}
