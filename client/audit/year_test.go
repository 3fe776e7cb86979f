package audit

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention"
)

// TestYear plays a year of an honest log day by day, and holds the account of
// an auditor, who knows the wire and a policy file only, to what was played.
// Three auditors watch: one every week, which asks for no bodies but at the end,
// one every half year, and one at the end.
func TestYear(t *testing.T) {
	years := uint64(2)
	if testing.Short() {
		years = 1
	}
	for seed := range years {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			y := &year{simlog: newLog(t), dice: rand.New(rand.NewPCG(seed, 5)), held: make(map[string]uint64), orgs: []string{acme, globex, acme[:31] + "0"}}
			weekly, halfYearly := newMemory(), newMemory()
			for day := range 400 {
				y.day()
				y.pass("P1D")
				if day%7 == 0 {
					if acc := y.audit(weekly, func(o *Options) { o.Bodies = NoBodies }); len(acc.Findings) > 0 {
						t.Fatalf("day %d: %v", day, acc.Findings)
					}
				}
				if day%180 == 179 {
					y.clean(halfYearly)
				}
			}
			for _, store := range []Store{weekly, halfYearly, newMemory()} {
				y.compare(y.clean(store))
			}
		})
	}
}

// year is what the operator and its customers do.
type year struct {
	*simlog
	dice *rand.Rand
	orgs []string
	held map[string]uint64 // organisation to the hold over it
	keys int
}

func (y *year) chance(one int) bool { return y.dice.IntN(one) == 0 }

func (y *year) day() {
	for range y.dice.IntN(4) {
		y.submit(y.orgs[y.dice.IntN(len(y.orgs))])
	}
	org := y.orgs[y.dice.IntN(len(y.orgs))]
	switch {
	case y.chance(40):
		y.rules(org, entry.ClassLog, "", []string{entry.AppliesLater, entry.AppliesAll}[y.dice.IntN(2)])
	case y.chance(40):
		y.rules(org, entry.ClassPeriod, fmt.Sprintf("P%dM", 6+y.dice.IntN(8)), entry.AppliesAll)
	case y.chance(120):
		y.rules(org, entry.ClassIndefinite, "", entry.AppliesAll)
	case y.chance(60) && y.held[org] == 0:
		y.held[org] = y.hold(org)
	case y.chance(20) && y.held[org] != 0:
		y.lift(y.held[org])
		delete(y.held, org)
	case y.chance(60):
		y.keys++
		y.rotate(issuer, byte(2+y.keys))
	case y.chance(25) && y.held[org] == 0:
		y.request(org)
	}
	if y.chance(5) {
		y.sweep()
	}
}

// request erases one receipt that is still there.
func (y *year) request(org string) {
	for i, e := range y.parsed {
		if r, ok := e.(entry.Receipt); ok && r.Org == org && y.erased[uint64(i)] == 0 {
			y.erase(org, entry.BasisRequest, uint64(i))
			return
		}
	}
}

// sweep erases what is due and not held, as an honest log does.
func (y *year) sweep() {
	due := make(map[string][]uint64)
	for i, e := range y.parsed {
		index := uint64(i)
		r, ok := e.(entry.Receipt)
		if !ok || y.erased[index] != 0 {
			continue
		}
		at, ends := y.state.Due(index, retention.PromiseOf(r), y.now)
		if _, held := y.state.Held(r.Org, index); ends && !at.After(y.now) && !held {
			due[r.Org] = append(due[r.Org], index)
		}
	}
	for _, org := range slices.Sorted(maps.Keys(due)) {
		y.erase(org, entry.BasisExpired, due[org]...)
	}
}

// compare holds an account to what was played.
func (y *year) compare(acc *account.Account) {
	y.t.Helper()
	want := make(map[string]account.Tally)
	kinds := make(map[string]uint64)
	var rules, erasures, issuers int
	for i, e := range y.parsed {
		kinds[e.Kind()]++
		index := uint64(i)
		switch e := e.(type) {
		case entry.Rules, entry.Hold:
			rules++
		case entry.Erasure:
			erasures++
		case entry.Issuer:
			issuers++
		case entry.Receipt:
			t := account.Tally{Receipts: 1}
			due, ends := y.state.Due(index, retention.PromiseOf(e), y.now)
			if y.erased[index] != 0 {
				t.Lawful = 1
			} else {
				t.Present = 1
				if !ends || due.After(y.now) {
					t.Owed = 1
				}
			}
			sum := want[e.Org]
			sum.Add(t)
			want[e.Org] = sum
		}
	}
	if !reflect.DeepEqual(acc.Orgs, want) || !reflect.DeepEqual(acc.Entries, kinds) {
		y.t.Errorf("the auditor comes to\n%+v %v, the simulator to\n%+v %v", acc.Orgs, acc.Entries, want, kinds)
	}
	if len(acc.Rules) != rules || len(acc.Erasures) != erasures || len(acc.Issuers) != issuers {
		y.t.Errorf("%d rules and holds, %d erasures, %d documents; want %d, %d, %d",
			len(acc.Rules), len(acc.Erasures), len(acc.Issuers), rules, erasures, issuers)
	}
	if acc.Bodies.Lawful < 20 || acc.Bodies.Present < 20 || rules < 10 || issuers < 3 {
		y.t.Errorf("a dull year: %+v, %d rules, %d documents", acc.Bodies, rules, issuers)
	}
}
