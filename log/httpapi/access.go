package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
)

// callerKey is where a request's context holds its caller.
type callerKey struct{}

// callerOf returns who sent the request, as far as its route looks at keys.
func callerOf(r *http.Request) access.Caller {
	c, _ := r.Context().Value(callerKey{}).(access.Caller)
	return c
}

// identify holds a request to what its route wants of a key, and returns it with
// its caller.
//
// A key that is shown must be good, wherever keys are looked at: who shows one
// that has ended would otherwise take the public answer for the whole one.
func (h *Handler) identify(r *http.Request, n need) (*http.Request, error) {
	if n.asks == nothing {
		return r, nil
	}
	secret, shown, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	if !shown {
		if n.asks == aKey || n.asks == aKeyIfSo && h.opts.RequireKeys {
			return nil, verdict.Errorf(api.CodeUnauthorized, "", "this route wants a key: Authorization: Bearer KEY")
		}
		return r, nil
	}
	caller, err := h.log.Access().Authenticate(secret)
	if err != nil {
		return nil, err
	}
	if n.asks != maybe && !slices.ContainsFunc(n.scopes, caller.Has) {
		return nil, verdict.Errorf(api.CodeForbidden, "", "this wants a key with the scope %s", n.names())
	}
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)), nil
}

// bearer reads the key from a request's Authorization field.
func bearer(h http.Header) (secret string, shown bool, err error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", false, nil
	}
	scheme, secret, ok := strings.Cut(values[0], " ")
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false, verdict.Errorf(api.CodeUnauthorized, "", "the Authorization field must be, once: Bearer KEY")
	}
	return secret, true, nil
}

// viewOf is what the caller may see beside public receipts.
func viewOf(c access.Caller) log.View {
	if !c.Has(api.ScopeReceiptsRead) {
		return log.View{}
	}
	return log.View{All: c.All(), Org: c.Org()}
}

// onlyOwn refuses a caller whose key is bound to another organisation. It is
// asked before anything is looked up, so that the answer is the same whether the
// organisation exists or not.
func onlyOwn(c access.Caller, org string) error {
	if !c.Covers(org) {
		return verdict.Errorf(api.CodeForbidden, "org", "this key is for the organisation %s only", c.Org())
	}
	return nil
}
