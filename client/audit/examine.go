package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
)

// examined is what came of asking for the bodies of a range of entries.
type examined struct {
	receipts []outcome
	asked    bool
	reached  int // how many were answered for, in any way
	why      error
}

// answer is what one view of the log shows for one receipt.
type answer struct {
	status  int
	erasure *uint64
	opened  bool             // what it shows is what the entry commits to
	receipt *receipt.Receipt // what it shows, if that is a receipt
	bad     error            // why not
}

// silent is the status of a view that gave no answer.
const silent = 0

// examine asks for the bodies of the receipts in [from, to). It runs beside
// others, on a ledger and a machine that nobody changes meanwhile.
func (a *Auditor) examine(ctx context.Context, from, to uint64) (*examined, error) {
	e := new(examined)
	for i := from; i < to; i++ {
		r, err := a.ledger.get(i)
		if err != nil {
			return nil, err
		}
		if r.isReceipt() {
			e.receipts = append(e.receipts, outcome{index: i, record: r})
		}
	}
	if len(e.receipts) == 0 {
		return e, nil
	}
	e.asked = true
	first, count := e.receipts[0].index, int(to-e.receipts[0].index)
	main, err := a.ask(ctx, a.opts.Log, first, count, e.receipts)
	if err != nil {
		e.why = err
	}
	var others []map[uint64]answer
	for _, other := range a.opts.Others {
		// What a view does not answer is no evidence; only what it refuses is.
		shown, _ := a.ask(ctx, other, first, count, e.receipts)
		others = append(others, shown)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for i := range e.receipts {
		one := &e.receipts[i]
		got := main[one.index]
		if got.status != silent {
			e.reached++
		}
		got = a.compare(one, got, others)
		a.judge(one, got)
	}
	return e, nil
}

// ask returns what a view of the log shows. An error comes with what was shown
// before it; what is not there then was not answered. Without an error, what
// the log passed over is answered with 404.
func (a *Auditor) ask(ctx context.Context, log Log, first uint64, count int, receipts []outcome) (map[uint64]answer, error) {
	records := make(map[uint64]record, len(receipts))
	for _, one := range receipts {
		records[one.index] = one.record
	}
	shown := make(map[uint64]answer, len(receipts))
	err := log.Bodies(ctx, first, count, func(b api.Body) error {
		r, ok := records[b.Index]
		if _, twice := shown[b.Index]; !ok || twice {
			return fmt.Errorf("the log shows a body for entry %d, which was not asked for", b.Index)
		}
		shown[b.Index] = open(b, r)
		return nil
	})
	if err != nil {
		return shown, err
	}
	for index := range records {
		if _, ok := shown[index]; !ok {
			shown[index] = answer{status: http.StatusNotFound}
		}
	}
	return shown, nil
}

// open holds what the log shows to the entry's commitment.
func open(b api.Body, r record) answer {
	got := answer{status: b.Status, erasure: b.Erasure}
	if b.Status != http.StatusOK {
		return got
	}
	var salt [entry.SaltSize]byte
	if n, err := hex.Decode(salt[:], clip(b.Salt, 2*len(salt))); err != nil || n != len(salt) || len(b.Salt) != 2*len(salt) {
		got.bad = errors.New("comes with no salt")
		return got
	}
	parsed, err := receipt.Parse(b.Receipt)
	if err == nil {
		got.receipt = parsed
		got.opened = entry.Commit(salt, parsed.Canonical()) == r.commitment
		return got
	}
	// Something else than a receipt may have been committed to.
	got.bad = err
	got.opened = entry.Commit(salt, b.Receipt) == r.commitment
	return got
}

func clip(s string, n int) []byte { return []byte(s[:min(len(s), n)]) }

// compare holds the views of one receipt against each other, and returns the
// one that shows most.
func (a *Auditor) compare(one *outcome, main answer, others []map[uint64]answer) answer {
	best := main
	for _, shown := range others {
		if got := shown[one.index]; got.opened && !best.opened {
			best = got
		}
	}
	if !best.opened {
		return main
	}
	public := best.receipt != nil && best.receipt.Publishable()
	views := append([]map[uint64]answer{{one.index: main}}, others...)
	for i, shown := range views {
		got := shown[one.index]
		if got.opened || got.status == silent || got.status >= http.StatusInternalServerError {
			continue
		}
		if got.status == http.StatusForbidden && !public {
			continue // for those with a key only
		}
		one.found = append(one.found, about(one.index, BodyWithheld, "is shown to one caller and answered with status %d to another (view %d)", got.status, i+1))
	}
	return best
}

// judge decides what an answer means.
func (a *Auditor) judge(one *outcome, got answer) {
	size := a.state.Verified.Size
	by, lawful, erased := one.record.erasedBy(size)
	one.tally.Owed = a.owed(one.index, one.record)
	switch {
	case got.opened:
		one.tally.Present = 1
		a.judgeBody(one, got)
		if erased {
			a.judgeLate(one, by)
		}
	case got.status == silent:
		one.notChecked(account.ReasonUnreachable)
	case got.status == http.StatusOK:
		one.tally.Missing = 1
		one.found = append(one.found, about(one.index, BodyMismatch, "has a body that is not what it commits to%s", because(got.bad)))
	case erased && lawful:
		one.tally.Lawful, one.tally.Owed = 1, 0
	case erased:
		one.tally.Unlawful = 1 // which was found when the erasure was judged
	case got.status == http.StatusGone && got.erasure != nil && *got.erasure >= size:
		one.tally.Missing, one.claimed = 1, true // until settled
	case got.status == http.StatusGone:
		one.tally.Missing = 1
		one.found = append(one.found, about(one.index, ErasureWithoutEntry, "is said to be erased, and no erasure entry names it"))
	case got.status == http.StatusForbidden:
		one.notChecked(account.ReasonPrivate)
	case got.status == http.StatusTooManyRequests || got.status >= http.StatusInternalServerError:
		one.notChecked(account.ReasonUnreachable)
	default:
		one.tally.Missing = 1
		one.found = append(one.found, about(one.index, BodyMissing, "has no body that the log can show (status %d), and no erasure entry names it", got.status))
	}
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

func (one *outcome) notChecked(why string) { one.tally.NotChecked, one.why = 1, why }

// judgeLate decides about a body that is there although an erasure names it.
func (a *Auditor) judgeLate(one *outcome, by uint64) {
	one.tally.Late = 1
	if _, held := a.follower.rules.Held(a.follower.orgs.name(one.record.org), one.index); held {
		return // and so it has to be
	}
	all := a.follower.erasures
	i := sort.Search(len(all), func(i int) bool { return all[i].Index >= by })
	if i < len(all) && all[i].Index == by && a.opts.Now().Sub(all[i].At) > a.opts.CarryOut {
		one.found = append(one.found, about(one.index, ErasureNotCarriedOut, "was erased by entry %d on %s, and its body is still served", by, all[i].At.Format(time.RFC3339)))
	}
}

// judgeBody holds a body that the entry commits to against the rest of the
// entry, and verifies the issuer's signature.
func (a *Auditor) judgeBody(one *outcome, got answer) {
	issuer := a.follower.dids.name(one.record.issuer)
	fail := func(format string, args ...any) {
		one.found = append(one.found, about(one.index, BodyInvalid, format, args...))
	}
	r := got.receipt
	if r == nil {
		fail("commits to something that is no receipt: %v", got.bad)
		return
	}
	if r.Issuer() != issuer {
		fail("is entered as a receipt of %s, and its body is one of %s", issuer, r.Issuer())
		return
	}
	doc, err := a.follower.keys.documentFor(issuer, one.index)
	if err != nil {
		return // found when the entry was read
	}
	if _, err := r.Verify(doc); err != nil {
		fail("has a body that does not verify with the keys that %s had then: %v (%s)", issuer, err, verdict.CodeOf(err))
		return
	}
	a.judgePromise(one, r)
	if f, ok := watchBody(a.opts.Watch, one.index, issuer, r.Hash()); !ok {
		one.found = append(one.found, f)
	}
	if a.opts.Receipt != nil { // else nobody needs it, and results that wait for their turn stay small
		one.receipt = r
	}
}

// judgePromise looks at promises that hang on a date in the receipt itself.
func (a *Auditor) judgePromise(one *outcome, r *receipt.Receipt) {
	org := a.follower.orgs.name(one.record.org)
	if !a.follower.rules.InForce(org, one.index).AsksReceipt() {
		return
	}
	p := one.record.promise(&a.follower.orgs)
	e := entry.Receipt{Org: org, At: p.At, Retain: entry.Indefinite}
	if !p.Until.IsZero() {
		e.Retain = entry.FormatTime(p.Until)
	}
	if b, ok := a.follower.rules.CheckPromise(one.index, e, retention.EventDate(r)); !ok {
		one.found = append(one.found, about(one.index, b.Code, "%s", b.Detail))
	}
}
