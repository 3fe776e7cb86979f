package audit

import (
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention"
)

// kindMalformed counts entries that do not parse.
const kindMalformed = "malformed"

// follower derives, entry by entry, what a log has promised and done. It is
// the same whoever serves the entries and however they are cut into runs.
type follower struct {
	edge     edge
	rules    *retention.State
	ledger   *ledger
	orgs     names
	dids     names
	keys     keyring
	erasures []account.Erased
	entries  map[string]uint64
	findings findings
	watched  []Watch
}

// take derives what a run of entries means, and appends it to the tree.
func (f *follower) take(l *leaves, w retention.Window) error {
	for i, e := range l.parsed {
		index := l.first + uint64(i)
		if e == nil {
			f.entries[kindMalformed]++
			f.findings.add(about(index, EntryMalformed, "does not parse: %v", l.whys[i]))
			if err := f.ledger.put(index, record{}); err != nil {
				return err
			}
			continue
		}
		f.entries[e.Kind()]++
		if err := f.entry(index, e, w); err != nil {
			return err
		}
	}
	l.appendTo(&f.edge)
	return nil
}

// entry derives what one entry means.
func (f *follower) entry(index uint64, e entry.Entry, w retention.Window) error {
	f.breaches(f.rules.Apply(index, e, w), e)
	var r record
	switch e := e.(type) {
	case entry.Receipt:
		r = f.receipt(index, e)
	case entry.Issuer:
		f.issuer(index, e)
	case entry.Erasure:
		if err := f.erasure(index, e, w.Before); err != nil {
			return err
		}
	}
	return f.ledger.put(index, r)
}

func (f *follower) receipt(index uint64, e entry.Receipt) record {
	if finding, ok := f.keys.check(index, e); !ok {
		f.add(finding, e.Org, e.Issuer)
	}
	if finding, ok := watchReceipt(f.watched, index, e); !ok {
		f.add(finding, e.Org, e.Issuer)
	}
	if b, ok := f.rules.CheckPromise(index, e, time.Time{}); !ok {
		f.breaches([]retention.Breach{b}, e)
	}
	p := retention.PromiseOf(e)
	r := record{commitment: e.Commitment, at: e.At.Unix(), org: f.orgs.number(e.Org), issuer: f.dids.number(e.Issuer)}
	if !p.Until.IsZero() {
		r.until = p.Until.Unix()
	}
	return r
}

func (f *follower) issuer(index uint64, e entry.Issuer) {
	if err := f.keys.archive(index, e); err != nil {
		f.add(about(index, IssuerDocumentInvalid, "archives a document of %s that is none: %v", e.DID, err), "", e.DID)
		return
	}
	for _, finding := range watchDocument(f.watched, f.keys.all[len(f.keys.all)-1]) {
		f.add(finding, "", e.DID)
	}
}

func (f *follower) erasure(index uint64, e entry.Erasure, before time.Time) error {
	breaches, err := f.rules.Judge(index, e, before, asLedger{f, index}, func(i uint64, lawful bool) error {
		r, err := f.ledger.get(i)
		if err != nil {
			return err
		}
		r.markErased(index, lawful)
		return f.ledger.put(i, r)
	})
	if err != nil {
		return err
	}
	f.breaches(breaches, e)
	f.erasures = append(f.erasures, account.Erased{Index: index, At: e.At, Org: e.Org, Count: e.Count,
		Basis: e.Basis, Legal: e.Legal, Asked: e.Asked, Lawful: len(breaches) == 0})
	return nil
}

// asLedger is the ledger as it was when the entry at index came.
type asLedger struct {
	f     *follower
	index uint64
}

// Promise implements retention.Ledger.
func (l asLedger) Promise(i uint64) (p retention.Promise, ok bool, err error) {
	r, err := l.f.ledger.get(i)
	if err != nil || !r.isReceipt() {
		return p, false, err
	}
	return r.promise(&l.f.orgs), true, nil
}

// Erased implements retention.Ledger.
func (l asLedger) Erased(i uint64) (bool, error) {
	r, err := l.f.ledger.get(i)
	_, _, erased := r.erasedBy(l.index)
	return erased, err
}

// breaches notes what an entry broke.
func (f *follower) breaches(list []retention.Breach, e entry.Entry) {
	for _, b := range list {
		org, issuer := partiesOf(e)
		f.add(about(b.Index, b.Code, "%s", b.Detail), org, issuer)
	}
}

func (f *follower) add(finding account.Finding, org, issuer string) {
	finding.Org, finding.Issuer = org, issuer
	f.findings.add(finding)
}

// partiesOf says whom an entry is about.
func partiesOf(e entry.Entry) (org, issuer string) {
	switch e := e.(type) {
	case entry.Receipt:
		return e.Org, e.Issuer
	case entry.Rules:
		return e.Org, ""
	case entry.Hold:
		return e.Org, ""
	case entry.Erasure:
		return e.Org, ""
	case entry.Issuer:
		return "", e.DID
	}
	panic(fmt.Sprintf("entry of kind %s has no parties", e.Kind()))
}
