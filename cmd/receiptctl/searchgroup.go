package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/armalo/receiptlog/client/search"
)

// groupings are what hits can be counted by. A hit is of several models, and may
// be of no configuration: it counts for each that it has.
var groupings = map[string]func(h search.Hit, only *search.Query) []string{
	"model": func(h search.Hit, only *search.Query) (of []string) {
		for _, m := range h.Models {
			if asked(only.Provider, m.Provider) && asked(only.Model, m.Model) && asked(only.ModelVersion, m.Version) {
				of = append(of, m.Provider+" / "+m.Model+suffixed(" / ", m.Version))
			}
		}
		return of
	},
	"provider": func(h search.Hit, only *search.Query) (of []string) {
		for _, m := range h.Models {
			if asked(only.Provider, m.Provider) {
				of = append(of, m.Provider)
			}
		}
		return of
	},
	"issuer":        func(h search.Hit, _ *search.Query) []string { return []string{h.Issuer} },
	"verdict":       func(h search.Hit, _ *search.Query) []string { return some(h.Verdict) },
	"gate":          func(h search.Hit, _ *search.Query) []string { return h.GatesDenied },
	"eval":          func(h search.Hit, _ *search.Query) []string { return h.EvalsFailed },
	"configuration": func(h search.Hit, _ *search.Query) []string { return some(h.Configuration) },
	"repository":    func(h search.Hit, _ *search.Query) []string { return some(h.Repository) },
	"project":       func(h search.Hit, _ *search.Query) []string { return some(h.Project) },
	"org":           func(h search.Hit, _ *search.Query) []string { return []string{h.Org} },
}

func groupNames() []string { return slices.Sorted(maps.Keys(groupings)) }

func asked(want, have string) bool { return want == "" || want == have }

func suffixed(by, s string) string {
	if s == "" {
		return ""
	}
	return by + s
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// group counts the receipts that have something in common.
type group struct {
	Value    string `json:"value"`
	Receipts int    `json:"receipts"`
	// The first and the last of them, by their place in the log.
	FirstIndex uint64 `json:"firstIndex"`
	FirstAt    string `json:"firstAt"`
	LastIndex  uint64 `json:"lastIndex"`
	LastAt     string `json:"lastAt"`
}

// groups counts hits. What it holds grows with what differs among them.
type groups struct {
	w     io.Writer
	by    func(search.Hit, *search.Query) []string
	what  string
	json  bool
	only  *search.Query
	known map[string]*group
}

func (g *groups) add(h search.Hit) error {
	values := g.by(h, g.only)
	slices.Sort(values)
	for _, value := range slices.Compact(values) {
		one := g.known[value]
		if one == nil {
			one = &group{Value: value, LastIndex: h.Index, LastAt: h.LoggedAt} // the newest comes first
			g.known[value] = one
		}
		one.Receipts++
		one.FirstIndex, one.FirstAt = h.Index, h.LoggedAt
	}
	return nil
}

func (g *groups) end(n int) error {
	sorted := slices.SortedFunc(maps.Values(g.known), func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.Receipts, a.Receipts), cmp.Compare(a.Value, b.Value))
	})
	for i, one := range sorted {
		if g.json {
			if err := printLine(g.w, one); err != nil {
				return err
			}
			continue
		}
		if i == 0 {
			fmt.Fprintf(g.w, "%9s  %-20s  %-20s  %s\n", "receipts", "first", "last", g.what)
		}
		if _, err := fmt.Fprintf(g.w, "%9d  %-20s  %-20s  %s\n", one.Receipts, plain(one.FirstAt), plain(one.LastAt), plain(one.Value)); err != nil {
			return err
		}
	}
	if !g.json {
		fmt.Fprintf(g.w, "%s, %s\n", counted(n, "receipt"), counted(len(sorted), g.what))
	}
	return somethingOr(n)
}
