package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Span says how often something was seen, and from which receipt to which.
type Span struct {
	Receipts   int    `json:"receipts"`
	FirstRun   string `json:"firstRun"`
	FirstIndex uint64 `json:"firstIndex"`
	First      string `json:"first"`
	LastRun    string `json:"lastRun"`
	LastIndex  uint64 `json:"lastIndex"`
	Last       string `json:"last"`
}

// ModelUse is one version of one model in one role.
type ModelUse struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Version  string `json:"version,omitzero"` // empty where the receipts do not say
	Role     string `json:"role"`
	Card     string `json:"card,omitzero"` // one of the links to its card
	Span     `json:",inline"`
}

// Vendor is one provider of models.
type Vendor struct {
	Provider string `json:"provider"`
	Span     `json:",inline"`
}

// Issuer is one key of one issuer.
type Issuer struct {
	DID  string `json:"did"`
	Key  string `json:"key"` // multikey, as the log has it
	Span `json:",inline"`
}

// Org is one organisation, as its receipts and as the log call it.
type Org struct {
	Name   string `json:"name"`   // build.org
	Handle string `json:"handle"` // the random handle in the log's entries
	Span   `json:",inline"`
}

type orgKey struct{ name, handle string }

type modelKey struct{ provider, model, version, role string }

type issuerKey struct{ did, key string }

// span is a Span in the making; first and last are by place in the log.
type span struct {
	first, last place
	Span
}

// observe counts a receipt under a key. A receipt counts once under each.
func observe[K comparable](spans map[K]*span, key K, e *Examined) {
	s := spans[key]
	if s == nil {
		s = &span{first: e.place, last: e.place}
		spans[key] = s
	}
	s.Receipts++
	run, at := e.receipt.RunID(), e.at
	if s.Receipts == 1 || e.place.compare(s.first) < 0 {
		s.first, s.FirstRun, s.FirstIndex, s.First = e.place, run, e.place.index, at
	}
	if s.Receipts == 1 || e.place.compare(s.last) > 0 {
		s.last, s.LastRun, s.LastIndex, s.Last = e.place, run, e.place.index, at
	}
}

func (k *Collector) observeModels(e *Examined) {
	models, vendors := make(map[modelKey]bool), make(map[string]bool)
	for _, m := range e.receipt.Credential().CredentialSubject.Build.Models {
		key := modelKey{m.Provider, m.Model, m.Version, m.Role}
		if !models[key] {
			models[key] = true
			observe(k.models, key, e)
		}
		if !vendors[m.Provider] {
			vendors[m.Provider] = true
			observe(k.vendors, m.Provider, e)
		}
		if have, ok := k.cards[key]; m.Card != "" && (!ok || m.Card < have) {
			k.cards[key] = m.Card
		}
	}
}

func (k *Collector) modelUses() []ModelUse {
	out := []ModelUse{}
	for key, s := range k.models {
		out = append(out, ModelUse{key.provider, key.model, key.version, key.role, k.cards[key], s.Span})
	}
	slices.SortFunc(out, func(a, b ModelUse) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.Model, b.Model),
			strings.Compare(a.Version, b.Version), strings.Compare(a.Role, b.Role))
	})
	return out
}

func (k *Collector) vendorUses() []Vendor {
	out := []Vendor{}
	for _, name := range slices.Sorted(maps.Keys(k.vendors)) {
		out = append(out, Vendor{name, k.vendors[name].Span})
	}
	return out
}

func (k *Collector) issuerUses() []Issuer {
	out := []Issuer{}
	for key, s := range k.issuers {
		out = append(out, Issuer{key.did, key.key, s.Span})
	}
	slices.SortFunc(out, func(a, b Issuer) int {
		return cmp.Or(strings.Compare(a.DID, b.DID), strings.Compare(a.Key, b.Key))
	})
	return out
}

func (k *Collector) orgUses() []Org {
	out := []Org{}
	for key, s := range k.orgs {
		out = append(out, Org{key.name, key.handle, s.Span})
	}
	slices.SortFunc(out, func(a, b Org) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Handle, b.Handle))
	})
	return out
}
