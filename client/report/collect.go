package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
)

// A Collector adds up examined bundles. What it holds grows by about a hundred
// bytes a receipt, and with what differs among them: models, configurations,
// days, dimensions. The result depends on the bundles and not on their order.
// A Collector is for one goroutine at a time.
type Collector struct {
	catalogue *Catalogue
	options   Options
	scope     Scope
	seen      map[place]record
	runs      map[[16]byte]place
	ambiguous map[string]*Conflict
	forks     map[string]Conflict
	logs      map[string]*logTally
	rejected  *lowest[Rejected]
	controls  []tally
	days      map[int64]*day
	drift     driftTally
	models    map[modelKey]*span
	cards     map[modelKey]string
	vendors   map[string]*span
	issuers   map[issuerKey]*span
	orgs      map[orgKey]*span
	first     time.Time
	last      time.Time
}

// record is what is kept of every receipt.
type record struct {
	leaf          [32]byte
	at            int64  // seconds since 1970
	size          uint64 // of the newest tree that a bundle proves it in
	configuration int32
	group         int32
}

// tally counts one control.
type tally struct {
	population, exceptions, noteworthy int
	evidence, notable                  []int
	exceptionList                      *lowest[Ref]
	notableList                        *lowest[Ref]
	samples                            *lowest[Ref]
}

// NewCollector returns a Collector for a catalogue.
func NewCollector(c *Catalogue, o Options) *Collector {
	k := &Collector{
		catalogue: c, options: o,
		seen: make(map[place]record), runs: make(map[[16]byte]place),
		ambiguous: make(map[string]*Conflict), forks: make(map[string]Conflict),
		logs: make(map[string]*logTally), rejected: newLowest[Rejected](o.List), days: make(map[int64]*day),
		models: make(map[modelKey]*span), cards: make(map[modelKey]string),
		vendors: make(map[string]*span), issuers: make(map[issuerKey]*span), orgs: make(map[orgKey]*span),
		controls: make([]tally, len(c.Controls)), drift: newDriftTally(),
	}
	for i := range c.Controls {
		k.controls[i] = tally{
			evidence: make([]int, len(c.Controls[i].Evidence)), notable: make([]int, len(c.Controls[i].Notable)),
			exceptionList: newLowest[Ref](o.List), notableList: newLowest[Ref](o.List), samples: newLowest[Ref](o.Samples),
		}
	}
	return k
}

// Add counts a bundle.
func (k *Collector) Add(e *Examined) {
	k.scope.Bundles++
	switch {
	case !e.verified:
		if e.rejected.Unknown {
			k.scope.Undecided++
		} else {
			k.scope.Failed++
		}
		k.rejected.add(e.name+"\x00"+e.rejected.Detail, func() Rejected { return e.rejected })
		return
	case !e.inScope:
		k.scope.OutOfScope++
		return
	case k.isKnown(e):
		return
	}
	k.scope.Receipts++
	k.observeTime(e.entry.At)
	r := record{leaf: e.leaf, at: e.entry.At.Unix(), size: e.checkpoint.Size}
	r.configuration, r.group = k.drift.observe(e)
	k.seen[e.place] = r
	k.observeRun(e)
	k.observeControls(e)
	k.observeDay(e)
	k.observeModels(e)
	observe(k.issuers, issuerKey{e.receipt.Issuer(), e.entry.Key}, e)
	observe(k.orgs, orgKey{e.receipt.Org(), e.entry.Org}, e)
}

// isKnown reports whether the receipt was counted before, and keeps what the
// bundle says about the log: that counts even if the receipt does not.
func (k *Collector) isKnown(e *Examined) bool {
	k.observeCheckpoint(e)
	before, known := k.seen[e.place]
	if !known {
		return false
	}
	if before.leaf != e.leaf {
		k.forks[fmt.Sprintf("%s\x00%d", e.place.origin, e.place.index)] = Conflict{
			Kind: ConflictFork, Log: e.place.origin, Indices: []uint64{e.place.index},
			Detail: "the log has signed two different entries at one index",
		}
	}
	k.scope.Duplicates++
	before.size = max(before.size, e.checkpoint.Size)
	k.seen[e.place] = before
	return true
}

func (k *Collector) observeTime(at time.Time) {
	if k.first.IsZero() || at.Before(k.first) {
		k.first = at
	}
	if at.After(k.last) {
		k.last = at
	}
}

// observeRun notes receipts of the same issuer for the same run.
func (k *Collector) observeRun(e *Examined) {
	name := e.place.origin + "\x00" + e.receipt.Issuer() + "\x00" + e.receipt.RunID()
	sum := sha256.Sum256([]byte(name))
	run := [16]byte(sum[:])
	first, known := k.runs[run]
	if !known {
		k.runs[run] = e.place
		return
	}
	c := k.ambiguous[name]
	if c == nil {
		c = &Conflict{Kind: ConflictRun, Log: e.place.origin, RunID: e.receipt.RunID(), Indices: []uint64{first.index},
			Detail: e.receipt.Issuer() + " has issued several receipts for this run"}
		k.ambiguous[name] = c
	}
	c.Indices = append(c.Indices, e.place.index)
}

func (k *Collector) observeControls(e *Examined) {
	if len(k.controls) == 0 {
		return
	}
	order := e.place.key()
	hash := e.receipt.Hash()
	draw := sha256.Sum256(append([]byte(k.options.Seed), hash[:]...))
	for i, o := range e.controls {
		if !o.applies {
			continue
		}
		t, control := &k.controls[i], &k.catalogue.Controls[i]
		t.population++
		for n := range t.evidence {
			t.evidence[n] += int(1 - o.missing>>n&1)
		}
		for n := range t.notable {
			t.notable[n] += int(o.notable >> n & 1)
		}
		if o.notable != 0 {
			t.noteworthy++
			t.notableList.add(order, func() Ref {
				ref := e.ref()
				ref.Notable = idsOf(control.Notable, o.notable)
				return ref
			})
		}
		if o.missing == 0 {
			t.samples.add(string(draw[:]), func() Ref { return e.ref() })
			continue
		}
		t.exceptions++
		t.exceptionList.add(order, func() Ref {
			ref := e.ref()
			ref.Missing = idsOf(control.Evidence, o.missing)
			return ref
		})
	}
}

// idsOf names the items whose bits are set.
func idsOf(items []Item, bits uint32) []string {
	var ids []string
	for n, item := range items {
		if bits>>n&1 == 1 {
			ids = append(ids, item.ID)
		}
	}
	return ids
}

func (e *Examined) ref() Ref {
	hash := e.receipt.Hash()
	return Ref{RunID: e.receipt.RunID(), Index: e.place.index, Log: e.place.origin,
		At: e.at, Receipt: hex.EncodeToString(hash[:])}
}

// key orders places by log and index.
func (p place) key() string {
	return string(binary.BigEndian.AppendUint64(append([]byte(p.origin), 0), p.index))
}

func (p place) compare(other place) int {
	return cmp.Or(strings.Compare(p.origin, other.origin), cmp.Compare(p.index, other.index))
}

// Report returns the report on all that was added. The policy is the one that
// the Examiner had, and policyFile its text.
func (k *Collector) Report(p *policy.Policy, policyFile []byte) *Controls {
	places := k.places()
	sum := sha256.Sum256(policyFile)
	r := &Controls{
		Report: ControlsVersion, Statement: Statement, Options: k.options, Scope: k.scope,
		Basis: Basis{PolicySHA256: hex.EncodeToString(sum[:]), Quorum: p.Quorum(), Logs: k.logStates(places),
			PopulationSHA256: k.population(places)},
		Controls: k.results(), Timeline: k.timeline(), Drift: k.drift.report(places, k.seen),
		Models: k.modelUses(), Vendors: k.vendorUses(), Issuers: k.issuerUses(), Orgs: k.orgUses(),
		Rejected: k.rejected.sorted(), Conflicts: k.conflicts(),
		CatalogueSHA256: k.catalogue.SHA256(), Catalogue: k.catalogue,
	}
	r.Timeline.LongestGap = k.longestGap(places)
	if k.scope.Receipts > 0 {
		r.Scope.First, r.Scope.Last = entry.FormatTime(k.first), entry.FormatTime(k.last)
	}
	if len(k.logs) == 1 {
		r.dropLogs()
	}
	return r
}

// places returns where the receipts counted stand, in order.
func (k *Collector) places() []place {
	places := make([]place, 0, len(k.seen))
	for at := range k.seen {
		places = append(places, at)
	}
	slices.SortFunc(places, place.compare)
	return places
}

// population hashes which receipts were counted.
func (k *Collector) population(places []place) string {
	h := sha256.New()
	for _, at := range places {
		h.Write([]byte(at.key()))
		leaf := k.seen[at].leaf
		h.Write(leaf[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (k *Collector) results() []Result {
	out := make([]Result, len(k.controls))
	for i := range k.controls {
		t, c := &k.controls[i], &k.catalogue.Controls[i]
		r := Result{ID: c.ID, Standing: t.standing(), Population: t.population, WithEvidence: t.population - t.exceptions,
			Exceptions: t.exceptions, Noteworthy: t.noteworthy, ExceptionList: t.exceptionList.sorted(), NotableList: t.notableList.sorted(), Samples: t.samples.sorted()}
		for n, item := range c.Evidence {
			r.Evidence = append(r.Evidence, ItemCount{item.ID, t.evidence[n]})
		}
		for n, item := range c.Notable {
			r.Notable = append(r.Notable, ItemCount{item.ID, t.notable[n]})
		}
		if len(r.NotableList) == 0 {
			r.NotableList = nil
		}
		out[i] = r
	}
	return out
}

func (t *tally) standing() Standing {
	switch {
	case t.population == 0:
		return Nothing
	case t.exceptions == 0:
		return Supported
	case t.exceptions == t.population:
		return NotShown
	}
	return Exceptions
}

func (k *Collector) conflicts() []Conflict {
	out := []Conflict{}
	for _, c := range k.forks {
		out = append(out, c)
	}
	for _, c := range k.ambiguous {
		slices.Sort(c.Indices)
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Conflict) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Log, b.Log), slices.Compare(a.Indices, b.Indices), strings.Compare(a.Detail, b.Detail))
	})
	return out
}

// dropLogs leaves the log's origin out where there is only one.
func (r *Controls) dropLogs() {
	for i := range r.Controls {
		for _, list := range [][]Ref{r.Controls[i].ExceptionList, r.Controls[i].NotableList, r.Controls[i].Samples} {
			for n := range list {
				list[n].Log = ""
			}
		}
	}
}
