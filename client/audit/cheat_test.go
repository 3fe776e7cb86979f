package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
)

// TestCheats plays an operator that cheats, one way at a time, and wants each
// found and named.
func TestCheats(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cheat func(l *simlog, r []uint64) []string // returns what is to be found
	}{
		{"body quietly dropped", func(l *simlog, r []uint64) []string {
			delete(l.bodies, r[1])
			return []string{fmt.Sprintf("body_missing@%d", r[1])}
		}},
		{"body dropped and called private", func(l *simlog, r []uint64) []string {
			l.bodies[r[1]] = api.Body{Index: r[1], Status: http.StatusForbidden, Code: api.CodePrivate}
			return nil // counted as not checked: TestPrivateIsNotChecked
		}},
		{"body swapped", func(l *simlog, r []uint64) []string {
			l.bodies[r[1]] = api.Body{Index: r[1], Status: http.StatusOK, Receipt: l.bodies[r[2]].Receipt, Salt: l.bodies[r[1]].Salt}
			return []string{fmt.Sprintf("body_mismatch@%d", r[1])}
		}},
		{"salt lost", func(l *simlog, r []uint64) []string {
			l.bodies[r[1]] = api.Body{Index: r[1], Status: http.StatusOK, Receipt: l.bodies[r[1]].Receipt, Salt: "00"}
			return []string{fmt.Sprintf("body_mismatch@%d", r[1])}
		}},
		{"erasure before its notice ran out", func(l *simlog, r []uint64) []string {
			l.pass("P1Y")
			l.rules(acme, entry.ClassLog, "", entry.AppliesAll)
			l.pass("P29D")
			return []string{fmt.Sprintf("erasure_in_notice@%d", l.erase(acme, entry.BasisExpired, r[0]))}
		}},
		{"erasure of what is owed", func(l *simlog, r []uint64) []string {
			return []string{fmt.Sprintf("erasure_early@%d", l.erase(acme, entry.BasisExpired, r[0]))}
		}},
		{"erasure under hold", func(l *simlog, r []uint64) []string {
			l.hold(acme)
			return []string{fmt.Sprintf("erasure_under_hold@%d", l.erase(acme, entry.BasisRequest, r[0]))}
		}},
		{"erasure with no entry", func(l *simlog, r []uint64) []string {
			l.bodies[r[0]] = api.Body{Index: r[0], Status: http.StatusGone, Erasure: &r[2]}
			return []string{fmt.Sprintf("erasure_without_entry@%d", r[0])}
		}},
		{"erasure with an entry that never comes", func(l *simlog, r []uint64) []string {
			never := uint64(1 << 40)
			l.bodies[r[0]] = api.Body{Index: r[0], Status: http.StatusGone, Erasure: &never}
			return []string{fmt.Sprintf("erasure_without_entry@%d", r[0])}
		}},
		{"erasure that is not carried out", func(l *simlog, r []uint64) []string {
			kept := l.bodies[r[0]]
			l.erase(acme, entry.BasisRequest, r[0])
			l.bodies[r[0]] = kept
			l.pass("P2D")
			return []string{fmt.Sprintf("erasure_not_carried_out@%d", r[0])}
		}},
		{"rules entry backdated", func(l *simlog, r []uint64) []string {
			l.pass("P40D")
			l.clean(l.store)
			l.pass("P1D")
			now := l.now
			l.now = dawn
			rules := l.rules(acme, entry.ClassLog, "", entry.AppliesAll)
			l.now = now
			e := l.erase(acme, entry.BasisRequest, r[0])
			return []string{fmt.Sprintf("entry_backdated@%d", rules), fmt.Sprintf("erasure_rules@%d", e)}
		}},
		{"rules below the floor", func(l *simlog, r []uint64) []string {
			return []string{fmt.Sprintf("rules_below_floor@%d", l.rules(acme, entry.ClassPeriod, "P3M", entry.AppliesLater))}
		}},
		{"promise shortened silently", func(l *simlog, r []uint64) []string {
			signed := l.sign("acme", "run-x", false, nil)
			i := l.append(entry.Receipt{Commitment: entry.Commit([32]byte{1}, signed.Canonical()), Issuer: issuer, Key: multikey(l.keys[issuer]),
				Org: acme, At: l.now, Retain: "2026-02-28T00:00:00Z"})
			l.bodies[i] = api.Body{Index: i, Status: http.StatusOK, Receipt: signed.Canonical(), Salt: hex.EncodeToString(append([]byte{1}, make([]byte, 31)...))}
			return []string{fmt.Sprintf("retain_mismatch@%d", i)}
		}},
		{"receipt by a key that never was the issuer's", func(l *simlog, r []uint64) []string {
			l.keys[issuer] = keyOf(9)
			i := l.submit(acme)
			return []string{fmt.Sprintf("key_not_issuers@%d", i), fmt.Sprintf("body_invalid@%d", i)}
		}},
		{"key published after the fact", func(l *simlog, r []uint64) []string {
			l.keys[issuer] = keyOf(9)
			i := l.submit(acme)
			l.rotate(issuer, 9)
			return []string{fmt.Sprintf("key_not_issuers@%d", i), fmt.Sprintf("body_invalid@%d", i)}
		}},
		{"entry names a good key, body is signed with another", func(l *simlog, r []uint64) []string {
			good := l.keys[issuer]
			l.keys[issuer] = keyOf(9)
			signed := l.sign("acme", "run-x", false, nil)
			l.keys[issuer] = good
			return []string{fmt.Sprintf("body_invalid@%d", l.log(acme, signed))}
		}},
		{"issuer of whom no document is logged", func(l *simlog, r []uint64) []string {
			i := l.append(entry.Receipt{Issuer: "did:web:evil.example", Key: multikey(keyOf(1)), Org: acme, At: l.now, Retain: entry.Indefinite})
			l.bodies[i] = api.Body{Index: i, Status: http.StatusForbidden}
			return []string{fmt.Sprintf("issuer_not_logged@%d", i)}
		}},
		{"document of somebody else", func(l *simlog, r []uint64) []string {
			i := l.append(entry.Issuer{DID: issuer, Document: []byte(`{"id":"did:web:evil.example"}`), At: l.now})
			return []string{fmt.Sprintf("issuer_document_invalid@%d", i)}
		}},
		{"did:key that is another key", func(l *simlog, r []uint64) []string {
			i := l.append(entry.Receipt{Issuer: did.KeyDID(keyOf(3).Public().(ed25519.PublicKey)), Key: multikey(keyOf(4)), Org: acme, At: l.now, Retain: entry.Indefinite})
			l.bodies[i] = api.Body{Index: i, Status: http.StatusForbidden}
			return []string{fmt.Sprintf("key_not_issuers@%d", i)}
		}},
		{"entry that does not parse", func(l *simlog, r []uint64) []string {
			return []string{fmt.Sprintf("entry_malformed@%d", l.raw([]byte(`{"kind":"pardon"}`)))}
		}},
		{"hold lifted that never stood", func(l *simlog, r []uint64) []string {
			return []string{fmt.Sprintf("hold_unknown@%d", l.lift(r[0]))}
		}},
		{"entries served that are not in the tree", func(l *simlog, r []uint64) []string {
			l.publish()
			l.entries[r[1]] = bytes.Replace(l.entries[r[1]], []byte(acme), []byte(globex), 1)
			return []string{fmt.Sprintf("entries_mismatch@%d", r[1]), "keep"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := newMemory()
			l := newLog(t)
			l.store = store
			var receipts []uint64
			for range 3 {
				receipts = append(receipts, l.submit(acme))
			}
			want := tt.cheat(l, receipts)
			if !slices.Contains(want, "keep") {
				l.publish()
			}
			want = slices.DeleteFunc(want, func(s string) bool { return s == "keep" })
			acc := l.audit(store, nil)
			if got := codes(acc); !slices.Equal(got, want) {
				t.Errorf("found %v, want %v: %v", got, want, acc.Findings)
			}
			if len(want) > 0 && acc.Outcome() != account.Found {
				t.Errorf("outcome %d", acc.Outcome())
			}
			// Whoever looks again finds the same, once.
			if got := codes(l.audit(store, nil)); !slices.Equal(got, want) {
				t.Errorf("on a second look: found %v, want %v", got, want)
			}
		})
	}
}

// TestWithheld plays a log that shows a body to some and not to others.
func TestWithheld(t *testing.T) {
	l := newLog(t)
	i, j := l.submit(acme), l.log(acme, l.sign("acme", "run-private", true, nil))
	l.publish()
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusGone} {
		// From strangers, shown to the auditor with its key; and the other way round.
		for name, edit := range map[string]func(*Options){
			"from strangers":   func(o *Options) { o.Others = []Log{anonymous{l, map[uint64]int{i: status}}} },
			"from the auditor": func(o *Options) { o.Log, o.Others = anonymous{l, map[uint64]int{i: status}}, []Log{l} },
		} {
			acc := l.audit(newMemory(), edit)
			if got := codes(acc); !slices.Equal(got, []string{fmt.Sprintf("body_withheld@%d", i)}) {
				t.Errorf("%s with %d: found %v", name, status, acc.Findings)
			}
		}
	}
	// That a private receipt is not shown to strangers is as it should be.
	acc := l.audit(newMemory(), func(o *Options) { o.Others = []Log{anonymous{l, nil}} })
	if acc.Outcome() != account.Clean || acc.Bodies.Present != 2 {
		t.Errorf("%+v", acc)
	}
	_ = j
}

func TestPrivateIsNotChecked(t *testing.T) {
	l := newLog(t)
	l.submit(acme)
	l.log(acme, l.sign("acme", "run-private", true, nil))
	l.publish()
	acc := l.audit(newMemory(), func(o *Options) { o.Log = anonymous{l, nil} })
	if acc.Bodies.Present != 1 || acc.Bodies.NotChecked != 1 || acc.NotChecked[account.ReasonPrivate] != 1 {
		t.Errorf("%+v", acc)
	}
	if acc.Outcome() != account.Clean {
		t.Errorf("outcome %d", acc.Outcome())
	}
}

// TestIssuerLearns tells an issuer of what it never signed.
func TestIssuerLearns(t *testing.T) {
	l := newLog(t)
	mine := l.sign("acme", "run-mine", false, nil)
	l.log(acme, mine)
	stolen := l.submit(acme) // with its key, and not by it
	rogue := l.rotate(issuer, 9)
	forged := l.submit(acme)
	l.publish()
	acc := l.audit(newMemory(), func(o *Options) {
		o.Watch = []Watch{{Issuer: issuer, Keys: []string{multikey(keyOf(1))}, Known: func(h [32]byte) bool { return h == hashOf(mine) }}}
	})
	want := []string{fmt.Sprintf("receipt_unexpected@%d", stolen), fmt.Sprintf("key_unexpected@%d", rogue),
		fmt.Sprintf("key_unexpected@%d", forged), fmt.Sprintf("receipt_unexpected@%d", forged)}
	if got := codes(acc); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	for _, f := range acc.Findings {
		if f.Issuer != issuer || !strings.Contains(f.String(), "entry") {
			t.Errorf("%+v", f)
		}
	}
}
