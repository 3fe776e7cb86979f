package fault

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/proof"
)

// ProveAll proves, from the tiles that the log serves now, that every
// checkpoint ever seen extends the one before it, and that the log still stands
// by the largest. Pairs proven in an earlier call are not proven again.
func (l *ledger) ProveAll(ctx context.Context, c *api.Client) {
	l.t.Helper()
	if err := l.Look(ctx, c); err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	prover := proof.NewProver(c.Tile, l.highest)
	if root, err := prover.Root(ctx); err != nil || root != l.trees[l.highest].root {
		l.fault("I4: the tiles do not have the root of the checkpoint of size %d: %v", l.highest, err)
	}
	sizes := slices.Sorted(maps.Keys(l.trees))
	for i := 1; i < len(sizes); i++ {
		pair := [2]uint64{sizes[i-1], sizes[i]}
		if pair[0] == 0 || l.proven[pair] {
			continue // the empty tree is a prefix of all
		}
		if err := extends(ctx, c, l.trees[pair[0]], l.trees[pair[1]]); err != nil {
			l.fault("I4: the checkpoint of size %d does not extend that of size %d: %v", pair[1], pair[0], err)
		}
		l.proven[pair] = true
	}
}

// extends proves that the tree of one checkpoint is a prefix of another's.
func extends(ctx context.Context, c *api.Client, old, new tree) error {
	hashes, err := proof.Consistency(ctx, c.Tile, old.size, new.size)
	if err != nil {
		return err
	}
	return proof.VerifyConsistency(old.size, new.size, old.root, new.root, hashes)
}

// Audit is what is done to a log that has calmed down: every receipt is
// submitted again, the bundle of each is verified if it never was, all
// checkpoints are proven, and there is no entry beyond those that somebody was
// told of.
func (l *ledger) Audit(ctx context.Context, c *api.Client) {
	l.t.Helper()
	l.Resubmit(ctx, c, l.all(func(s *slip) bool { return !s.held }), true)
	l.Resubmit(ctx, c, l.all(acked), false)
	l.Fetch(ctx, c, l.sample(100))
	l.ProveAll(ctx, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	// One entry is the issuer's document, all others are receipts.
	if want := uint64(len(l.slips)) + 1; l.highest != want && len(l.slips) > 0 {
		l.fault("I2: the log has %d entries for %d receipts and one document", l.highest, want-1)
	}
}

// sample returns up to n acknowledged receipts, half of them the latest.
func (l *ledger) sample(n int) []*slip {
	all := l.all(acked)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	some := all[:min(n/2, len(all))]
	slices.SortFunc(all[len(some):], func(a, b *slip) int { return cmp.Compare(b.index, a.index) })
	return all[:min(n, len(all))]
}
