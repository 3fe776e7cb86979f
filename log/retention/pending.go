package retention

import (
	"maps"
	"slices"

	"github.com/armalo/receiptlog/client/entry"
)

// pending are the erasures that are not carried out yet.
type pending struct {
	at map[uint64]*entry.Erasure   // by index
	of map[string][]*entry.Erasure // by organisation
}

func newPending() pending {
	return pending{at: make(map[uint64]*entry.Erasure), of: make(map[string][]*entry.Erasure)}
}

func (p *pending) put(at uint64, e *entry.Erasure) {
	p.at[at] = e
	p.of[e.Org] = append(p.of[e.Org], e)
}

func (p *pending) drop(at uint64) {
	e := p.at[at]
	delete(p.at, at)
	left := slices.DeleteFunc(p.of[e.Org], func(other *entry.Erasure) bool { return other == e })
	if p.of[e.Org] = left; len(left) == 0 {
		delete(p.of, e.Org)
	}
}

// names reports whether one of them names a receipt of an organisation.
func (p *pending) names(org string, at uint64) bool {
	return slices.ContainsFunc(p.of[org], func(e *entry.Erasure) bool { return entry.Contains(e.Ranges, at) })
}

// below returns their indices below a size, in order.
func (p *pending) below(size uint64) []uint64 {
	all := slices.Sorted(maps.Keys(p.at))
	n, _ := slices.BinarySearch(all, size)
	return all[:n]
}
