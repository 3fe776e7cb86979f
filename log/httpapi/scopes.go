package httpapi

import (
	"fmt"
	"strings"

	"github.com/armalo/receiptlog/client/api"
)

// asking is how much a route asks for a key.
type asking int

const (
	nothing  asking = iota // the key is not even looked at: the answer is the same for everybody
	maybe                  // without the scope the answer is what anybody gets
	aKeyIfSo               // only if the log is configured so; a key that is shown must have the scope
	aKey                   // without the scope there is no answer
)

// need is what a route wants of a key: any one of the scopes, and, where the
// request is about one organisation, a key for that one or for all.
type need struct {
	asks   asking
	scopes []api.Scope
}

// needs is the table of what every route and method wants. A row is missing for
// no route: the server does not start.
var needs = map[string]need{
	// What is public stays so: the log, its proofs, its promises kept.
	"GET checkpoint": {},
	"GET tile":       {},
	"GET history":    {},
	"GET healthz":    {},
	"GET readyz":     {},
	"GET metrics":    {},
	"GET openapi":    {},

	"POST verify_external": {}, // whoever has a receipt may ask about it

	"POST submit": {aKeyIfSo, scopes(api.ScopeReceiptsWrite)},

	// Public receipts are shown to anybody.
	"GET receipt":         {maybe, scopes(api.ScopeReceiptsRead)},
	"GET verify_external": {maybe, scopes(api.ScopeReceiptsRead)}, // a run of that name
	"GET export":          {maybe, scopes(api.ScopeReceiptsRead)},
	"GET bundle":          {maybe, scopes(api.ScopeReceiptsRead)},
	"GET bodies":          {maybe, scopes(api.ScopeReceiptsRead)},
	"GET search":          {maybe, scopes(api.ScopeReceiptsRead)},

	"POST export":     {aKey, scopes(api.ScopeReceiptsExport)},
	"GET retention":   {aKey, scopes(api.ScopeRetentionWrite, api.ScopeAuditRead)},
	"PUT retention":   {aKey, scopes(api.ScopeRetentionWrite)},
	"POST holds":      {aKey, scopes(api.ScopeRetentionWrite)},
	"POST erasures":   {aKey, scopes(api.ScopeRetentionWrite)},
	"GET trail":       {aKey, scopes(api.ScopeAuditRead)},
	"GET keys":        {aKey, scopes(api.ScopeAdmin)},
	"POST keys":       {aKey, scopes(api.ScopeAdmin)},
	"GET key":         {aKey, scopes(api.ScopeAdmin)},
	"DELETE key":      {aKey, scopes(api.ScopeAdmin)},
	"POST key_rotate": {aKey, scopes(api.ScopeAdmin)},

	"GET webhooks":        {aKey, scopes(api.ScopeAdmin)},
	"POST webhooks":       {aKey, scopes(api.ScopeAdmin)},
	"GET webhook":         {aKey, scopes(api.ScopeAdmin)},
	"DELETE webhook":      {aKey, scopes(api.ScopeAdmin)},
	"POST webhook_rotate": {aKey, scopes(api.ScopeAdmin)},
	"POST webhook_test":   {aKey, scopes(api.ScopeAdmin)},
	"POST webhook_resend": {aKey, scopes(api.ScopeAdmin)},
	"GET webhook_dead":    {aKey, scopes(api.ScopeAdmin)},
}

func scopes(s ...api.Scope) []api.Scope { return s }

// names lists the scopes for people.
func (n need) names() string {
	var names []string
	for _, s := range n.scopes {
		names = append(names, string(s))
	}
	return strings.Join(names, " or ")
}

// checkNeeds wants a row for every route and method, so that none is open by
// oversight.
func (t *routes) checkNeeds() error {
	for _, r := range t.all() {
		for method := range r.methods {
			n, ok := needs[method+" "+r.name]
			if !ok {
				return fmt.Errorf("the route %s %s does not say what key it wants", method, r.name)
			}
			if r.needs == nil {
				r.needs = make(map[string]need)
			}
			r.needs[method] = n
		}
	}
	return nil
}
