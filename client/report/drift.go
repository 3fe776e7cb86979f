package report

import (
	"cmp"
	"encoding/json/v2"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
)

// Drift says which receipts were made under which configuration, when it
// changed, and what changed.
type Drift struct {
	Configurations []Configuration `json:"configurations"`
	// Changes are in the order of the log; ChangeCount is exact where the list
	// is cut short.
	Changes     []Change `json:"changes"`
	ChangeCount int      `json:"changeCount"`
	// Without counts the receipts that state no configuration.
	Without int `json:"without"`
}

// Configuration is one configuration and the receipts made under it.
type Configuration struct {
	SHA256 string `json:"sha256"`
	Span   `json:",inline"`
	// Content is the configuration as its first receipt has it.
	Content map[string]any `json:"content"`
}

// Change is a receipt made under another configuration than the one before it
// of the same organisation and project.
type Change struct {
	Org     string       `json:"org"`
	Project string       `json:"project,omitzero"`
	Index   uint64       `json:"index"`
	At      string       `json:"at"`
	From    string       `json:"from,omitzero"` // configuration hash; empty is none
	To      string       `json:"to,omitzero"`
	What    []Difference `json:"what"`
}

// Difference is one member of the configuration that changed.
type Difference struct {
	Member  string   `json:"member"`
	Added   []string `json:"added,omitzero"`
	Removed []string `json:"removed,omitzero"`
}

// maxChanges bounds the list of changes: projects that alternate between two
// configurations would fill it without saying more.
const maxChanges = 500

// driftTally numbers configurations and groups in the order they come in.
type driftTally struct {
	configurations map[string]*configurationTally
	groups         map[groupKey]int32
}

type configurationTally struct {
	id      int32
	content map[string]any
	spans   map[string]*span
}

type groupKey struct{ log, issuer, org, project string }

func newDriftTally() driftTally {
	return driftTally{map[string]*configurationTally{}, map[groupKey]int32{}}
}

// observe returns the numbers of a receipt's configuration and of its group.
func (t *driftTally) observe(e *Examined) (configuration, group int32) {
	build := &e.receipt.Credential().CredentialSubject.Build
	key := groupKey{e.place.origin, e.receipt.Issuer(), build.Org, build.Project}
	group, known := t.groups[key]
	if !known {
		group = int32(len(t.groups))
		t.groups[key] = group
	}
	hash := ""
	if build.Configuration != nil {
		hash = build.Configuration.SHA256
	}
	c := t.configurations[hash]
	if c == nil {
		c = &configurationTally{id: int32(len(t.configurations)), spans: map[string]*span{}}
		c.content = configurationOf(e.receipt)
		t.configurations[hash] = c
	}
	observe(c.spans, "", e)
	return c.id, group
}

// configurationOf returns what a receipt's configuration says beside its hash,
// members that the schema does not name among it; nil if it has none.
func configurationOf(r *receipt.Receipt) map[string]any {
	var c struct {
		CredentialSubject struct {
			Build struct {
				Configuration map[string]any `json:"configuration"`
			} `json:"build"`
		} `json:"credentialSubject"`
	}
	if err := json.Unmarshal(r.Canonical(), &c); err != nil {
		return nil // it parsed as a receipt, so there is none
	}
	content := c.CredentialSubject.Build.Configuration
	delete(content, "sha256")
	return content
}

// Drift returns what was added so far says about configurations.
func (k *Collector) Drift() Drift { return k.drift.report(k.places(), k.seen) }

func (t *driftTally) report(places []place, seen map[place]record) Drift {
	d := Drift{Configurations: []Configuration{}, Changes: []Change{}}
	hashes := make([]string, len(t.configurations))
	for hash, c := range t.configurations {
		hashes[c.id] = hash
		if hash == "" {
			d.Without = c.spans[""].Receipts
			continue
		}
		d.Configurations = append(d.Configurations, Configuration{SHA256: hash, Span: c.spans[""].Span, Content: c.content})
	}
	slices.SortFunc(d.Configurations, func(a, b Configuration) int {
		return cmp.Or(cmp.Compare(a.FirstIndex, b.FirstIndex), strings.Compare(a.SHA256, b.SHA256))
	})
	t.changes(&d, hashes, places, seen)
	return d
}

// changes walks the receipts in the order of the log.
func (t *driftTally) changes(d *Drift, hashes []string, places []place, seen map[place]record) {
	groups := make([]groupKey, len(t.groups))
	for key, n := range t.groups {
		groups[n] = key
	}
	current := make(map[int32]int32, len(groups))
	for _, at := range places {
		r := seen[at]
		before, known := current[r.group]
		current[r.group] = r.configuration
		if !known || before == r.configuration {
			continue
		}
		if d.ChangeCount++; len(d.Changes) == maxChanges {
			continue
		}
		from, to := hashes[before], hashes[r.configuration]
		d.Changes = append(d.Changes, Change{
			Org: groups[r.group].org, Project: groups[r.group].project, Index: at.index,
			At: entry.FormatTime(time.Unix(r.at, 0)), From: from, To: to,
			What: differences(t.configurations[from].content, t.configurations[to].content),
		})
	}
}

// differences compares two configurations member by member. Lists are compared
// as sets: what was added and what was removed.
func differences(from, to map[string]any) []Difference {
	names := map[string]bool{}
	for _, m := range []map[string]any{from, to} {
		for name := range m {
			names[name] = true
		}
	}
	out := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, now := words(from, name), words(to, name)
		d := Difference{Member: name}
		for _, w := range now {
			if !slices.Contains(before, w) {
				d.Added = append(d.Added, w)
			}
		}
		for _, w := range before {
			if !slices.Contains(now, w) {
				d.Removed = append(d.Removed, w)
			}
		}
		if d.Added == nil && d.Removed == nil {
			if slices.Equal(before, now) {
				continue
			}
			// The same words in another order or number still make another hash.
			d.Removed, d.Added = []string{strings.Join(before, ", ")}, []string{strings.Join(now, ", ")}
		}
		out = append(out, d)
	}
	return out
}

// words returns a member as a list of texts: the elements of a list, or the
// one value there is.
func words(m map[string]any, name string) []string {
	v, ok := m[name]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, len(list))
	for i, v := range list {
		if s, ok := v.(string); ok {
			out[i] = s
			continue
		}
		data, _ := json.Marshal(v, json.Deterministic(true)) // what was decoded encodes
		out[i] = string(data)
	}
	return out
}
