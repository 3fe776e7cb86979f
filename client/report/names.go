package report

import (
	"maps"
	"slices"

	"github.com/armalo/receiptlog/client/verdict"
)

// OrgUnknown says that no bundle that verifies is of the organisation asked
// about: what the log calls it, and so what became of its receipts, cannot be
// known.
const OrgUnknown verdict.Code = "org_unknown"

// Names gathers what the log calls each organisation, from bundles that verify,
// whatever else is asked of them: an organisation that was silent in the time of
// a report is known all the same. It is for one goroutine at a time.
type Names struct {
	handles map[string]map[string]bool // by organisation, as its receipts call it
}

// NewNames returns names of nobody yet.
func NewNames() *Names { return &Names{handles: make(map[string]map[string]bool)} }

// Add takes in a bundle.
func (n *Names) Add(e *Examined) {
	if !e.verified {
		return
	}
	org := e.receipt.Org()
	if n.handles[org] == nil {
		n.handles[org] = make(map[string]bool)
	}
	n.handles[org][e.entry.Org] = true
}

// Handles returns the handles of an organisation, sorted; those of all where
// org is empty.
func (n *Names) Handles(org string) []string {
	found := make(map[string]bool)
	for name, handles := range n.handles {
		if org == "" || name == org {
			maps.Copy(found, handles)
		}
	}
	sorted := slices.AppendSeq([]string{}, maps.Keys(found))
	slices.Sort(sorted)
	return sorted
}

// Orgs returns the organisations, sorted.
func (n *Names) Orgs() []string { return slices.Sorted(maps.Keys(n.handles)) }

// Check returns an error with the code [OrgUnknown] where no bundle was of the
// organisation. An empty name asks for all, of which there may be none.
func (n *Names) Check(org string) error {
	if org == "" || len(n.handles[org]) > 0 {
		return nil
	}
	return verdict.Errorf(OrgUnknown, "", "no bundle that verifies is a receipt of the organisation %q, so what the log calls it is not known, and nothing can be said about it", org)
}
