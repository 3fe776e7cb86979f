package access

import (
	"slices"

	"github.com/armalo/receiptlog/client/api"
)

// Caller is who asks. The zero value is anybody, who has shown no key.
type Caller struct {
	key     *held
	console bool
}

// Console is the operator at the machine, who needs no key: whoever can write
// the database can do anything with it.
func Console() Caller { return Caller{console: true} }

// Anybody reports whether the caller has shown no key.
func (c Caller) Anybody() bool { return c.key == nil && !c.console }

// Has reports whether the caller's key allows the scope. Anybody's allows none.
func (c Caller) Has(s api.Scope) bool {
	return c.console || c.key != nil && slices.Contains(c.key.record.Scopes, s)
}

// Covers reports whether the caller's key is for that organisation, or for all
// of them.
func (c Caller) Covers(org string) bool {
	return c.All() || c.key != nil && c.key.record.Org == org
}

// All reports whether the caller's key is for all organisations.
func (c Caller) All() bool { return c.console || c.key != nil && c.key.record.Org == "" }

// Org is the one organisation that the caller's key is bound to, or "".
func (c Caller) Org() string {
	if c.key == nil {
		return ""
	}
	return c.key.record.Org
}

// Reads reports whether the caller may read private receipts of that
// organisation.
func (c Caller) Reads(org string) bool { return c.Has(api.ScopeReceiptsRead) && c.Covers(org) }

// ID names the caller in the trail.
func (c Caller) ID() string {
	switch {
	case c.console:
		return "console"
	case c.key == nil:
		return ""
	}
	return c.key.record.ID
}

// Name says whose key it is.
func (c Caller) Name() string {
	switch {
	case c.console:
		return "the operator at the machine"
	case c.key == nil:
		return ""
	}
	return c.key.record.Name
}
