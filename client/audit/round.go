package audit

import (
	"context"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/tile"
)

// round is one pass over the bodies, to be gone on with after a break.
type round struct {
	Size  uint64    `json:"size"` // of the tree it goes over
	Next  uint64    `json:"next"` // first entry not looked at yet
	Began time.Time `json:"began"`

	Orgs map[string]account.Tally `json:"orgs"`
	Why  map[string]uint64        `json:"notChecked"`
	// Claims are receipts that the log says were erased by an entry beyond the
	// tree of this round.
	Claims []uint64        `json:"claims"`
	Sample *account.Sample `json:"sample,omitzero"`
}

// roundAge is how old a round that was cut off may be and still be gone on
// with: what it saw is dated by its beginning.
const roundAge = 24 * time.Hour

// maxClaims bounds the list of receipts said to be erased only now.
const maxClaims = 100_000

// checkBodies makes the retention check over the verified tree.
func (a *Auditor) checkBodies(ctx context.Context) error {
	size := a.state.Verified.Size
	now := a.opts.Now()
	if r := a.state.Round; r == nil || r.Size > size || now.Sub(r.Began) > roundAge || r.Next == r.Size || a.opts.Bodies != AllBodies {
		a.state.Round = &round{Size: size, Began: now, Orgs: make(map[string]account.Tally), Why: make(map[string]uint64)}
		if a.opts.Bodies == AllBodies {
			a.found.drop(ofBody) // every body is asked for again
		}
	}
	a.state.Round.Size = size
	var err error
	switch a.opts.Bodies {
	case AllBodies:
		err = a.checkAll(ctx)
	case SampleBodies:
		err = a.checkSample(ctx)
	default:
		err = a.tallyOnly(account.ReasonUnwanted, nil)
	}
	if err != nil {
		return err
	}
	return a.settleClaims(ctx)
}

// checkAll asks for every body.
func (a *Auditor) checkAll(ctx context.Context) error {
	r := a.state.Round
	first := r.Next / tile.Width
	chunks := (r.Size+tile.Width-1)/tile.Width - first
	saved := r.Next
	return inOrder(ctx, a.opts.Workers, chunks, func(ctx context.Context, i uint64) (*examined, error) {
		from := (first + i) * tile.Width
		return a.examine(ctx, from, min(from+tile.Width, r.Size))
	}, func(i uint64, e *examined) error {
		if e.asked && e.reached == 0 && a.giveUp(e) {
			return unheard("the log shows no bodies", e.why)
		}
		for _, one := range e.receipts {
			a.count(one)
		}
		r.Next = min((first+i+1)*tile.Width, r.Size)
		a.progress("bodies", r.Next, r.Size)
		if r.Next-saved < saveEvery/16 || r.Next == r.Size {
			return nil
		}
		saved = r.Next
		return a.save()
	})
}

// maxUnreachable is how many bodies in a row may be beyond reach before the
// log counts as down.
const maxUnreachable = 4 * tile.Width

// giveUp reports whether the log has been silent for too long to go on.
func (a *Auditor) giveUp(e *examined) bool {
	return a.state.Round.Why[account.ReasonUnreachable]+uint64(len(e.receipts)) > maxUnreachable
}

// count adds one receipt to the round, and notes what was found.
func (a *Auditor) count(one outcome) {
	r := a.state.Round
	org := a.follower.orgs.name(one.record.org)
	t := r.Orgs[org]
	one.tally.Receipts = 1
	t.Add(one.tally)
	r.Orgs[org] = t
	if one.why != "" {
		r.Why[one.why]++
	}
	if one.claimed && len(r.Claims) < maxClaims {
		r.Claims = append(r.Claims, one.index)
	}
	for _, f := range one.found {
		f.Org, f.Issuer = org, a.follower.dids.name(one.record.issuer)
		a.found.add(f)
	}
	if one.receipt != nil && a.opts.Receipt != nil {
		a.opts.Receipt(one.index, one.receipt)
	}
}

// settleClaims looks whether receipts that the log said were erased just now
// really were. I6: an erasure entry is under a published checkpoint before
// anything is destroyed, so the log can be held to it at once.
func (a *Auditor) settleClaims(ctx context.Context) error {
	r := a.state.Round
	if len(r.Claims) == 0 {
		return nil
	}
	claims := r.Claims
	r.Claims = nil
	// Whatever stands between us and the log may show a checkpoint that is some
	// seconds old, so it is asked for more than once.
	for attempt := range claimAttempts {
		if attempt > 0 {
			if err := a.opts.Pause(ctx, claimPause); err != nil {
				return err
			}
		}
		target, err := a.checkpoint(ctx)
		if err != nil || target == nil {
			return err
		}
		if ok, err := a.follow(ctx, target); err != nil || !ok {
			return err
		}
		if claims, err = a.settle(claims); err != nil || len(claims) == 0 {
			return err
		}
	}
	for _, index := range claims {
		rec, err := a.ledger.get(index)
		if err != nil {
			return err
		}
		a.foundBody(index, ErasureWithoutEntry, rec, "is said to be erased, and no erasure entry up to entry %d names it", a.state.Verified.Size)
	}
	return nil
}

const (
	claimAttempts = 3
	claimPause    = 2 * time.Second
)

// settle counts the receipts that were erased after all, and returns the
// others.
func (a *Auditor) settle(claims []uint64) (open []uint64, err error) {
	r := a.state.Round
	for _, index := range claims {
		rec, err := a.ledger.get(index)
		if err != nil {
			return nil, err
		}
		org := a.follower.orgs.name(rec.org)
		t := r.Orgs[org]
		_, lawful, erased := rec.erasedBy(a.state.Verified.Size)
		if !erased {
			open = append(open, index)
			continue
		}
		t.Missing--
		if lawful {
			t.Lawful++
			t.Owed -= a.owed(index, rec)
		} else {
			t.Unlawful++
		}
		r.Orgs[org] = t
	}
	return open, nil
}

// owed is 1 where the receipt is still owed now, and 0 otherwise.
func (a *Auditor) owed(index uint64, rec record) uint64 {
	now := a.opts.Now()
	due, ends := a.follower.rules.Due(index, rec.promise(&a.follower.orgs), now)
	if ends && !due.After(now) {
		return 0
	}
	return 1
}

// outcome is what became of one receipt.
type outcome struct {
	index   uint64
	record  record
	tally   account.Tally
	why     string // not checked, because of that
	claimed bool   // said to be erased by an entry that we have not seen
	found   []account.Finding
	receipt *receipt.Receipt // verified
}
