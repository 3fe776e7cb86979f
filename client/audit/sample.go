package audit

import (
	"context"
	"crypto/rand"
	"math"
	randv2 "math/rand/v2"
	"slices"

	"github.com/armalo/receiptlog/client/account"
)

// confidence is the one that samples are stated with.
const confidence = 0.99

// checkSample asks for the bodies of receipts drawn at random among those that
// no erasure names, and counts all others as not checked.
func (a *Auditor) checkSample(ctx context.Context) error {
	drawn, population, err := a.draw(a.opts.Sample)
	if err != nil {
		return err
	}
	r := a.state.Round
	r.Sample = &account.Sample{Asked: uint64(len(drawn)), Population: population, Confidence: confidence, Below: below(uint64(len(drawn)), population)}
	err = inOrder(ctx, a.opts.Workers, uint64(len(drawn)), func(ctx context.Context, i uint64) (*examined, error) {
		return a.examine(ctx, drawn[i], drawn[i]+1)
	}, func(i uint64, e *examined) error {
		for _, one := range e.receipts {
			a.count(one)
		}
		a.progress("bodies", i+1, uint64(len(drawn)))
		return nil
	})
	if err != nil {
		return err
	}
	return a.tallyOnly(account.ReasonUnsampled, drawn)
}

// draw picks so many distinct receipts, each as likely as any other, with
// randomness that the log cannot foresee.
func (a *Auditor) draw(n uint64) (drawn []uint64, population uint64, err error) {
	size := a.state.Verified.Size
	var seed [32]byte
	rand.Read(seed[:]) // never fails: crypto/rand ends the process instead
	dice := randv2.New(randv2.NewChaCha8(seed))
	// Selection by keeping a uniform subset as the ledger goes by: the k-th
	// candidate is kept with probability n/k, in the place of a random one.
	for i := range size {
		r, err := a.ledger.get(i)
		if err != nil {
			return nil, 0, err
		}
		if _, _, erased := r.erasedBy(size); !r.isReceipt() || erased {
			continue
		}
		population++
		if uint64(len(drawn)) < n {
			drawn = append(drawn, i)
			continue
		}
		if n == 0 {
			continue
		}
		if place := dice.Uint64N(population); place < n {
			drawn[place] = i
		}
	}
	slices.Sort(drawn)
	return drawn, population, nil
}

// below is the share of missing bodies that a sample of n without one excludes
// with the usual confidence: were it as large, all n would have been there with
// a probability of one in a hundred at most.
func below(n, population uint64) float64 {
	if n == 0 {
		return 1
	}
	if n == population {
		return 0
	}
	return 1 - math.Pow(1-confidence, 1/float64(n))
}

// tallyOnly counts the receipts that were not asked for.
func (a *Auditor) tallyOnly(why string, asked []uint64) error {
	r := a.state.Round
	size := a.state.Verified.Size
	for i := range size {
		if _, found := slices.BinarySearch(asked, i); found {
			continue
		}
		rec, err := a.ledger.get(i)
		if err != nil {
			return err
		}
		if !rec.isReceipt() {
			continue
		}
		one := outcome{index: i, record: rec}
		one.tally.Owed = a.owed(i, rec)
		if _, lawful, erased := rec.erasedBy(size); erased && lawful {
			one.tally.Owed = 0
		}
		one.notChecked(why)
		a.count(one)
	}
	r.Next = size
	return nil
}
