package audit

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
)

// saveEvery is after how many entries a long run is saved: some seconds of
// work.
const saveEvery = 1 << 18

// follow reads every entry up to the target and holds them to its root. It
// reports whether they are the ones that were cosigned.
func (a *Auditor) follow(ctx context.Context, target *target) (bool, error) {
	cp := target.Checkpoint
	if a.follower.edge.size > cp.Size {
		// A run was cut off that went for a checkpoint we are not shown now.
		if err := a.rewind(); err != nil {
			return false, err
		}
	}
	if err := a.readTo(ctx, target); err != nil {
		return false, err
	}
	if a.follower.edge.root() != cp.Root {
		return false, a.diverged(ctx, target)
	}
	if len(a.state.Seen) == 0 || a.state.Verified.Size != cp.Size {
		a.state.remember(seenOf(target.Verified, target.signed))
	}
	a.state.Verified, a.state.Progress = a.follower.position(), nil
	return true, a.save()
}

// readTo reads the entries between where the follower stands and the target.
func (a *Auditor) readTo(ctx context.Context, target *target) error {
	size := target.Checkpoint.Size
	window := a.window(target)
	from := a.follower.edge.size
	first := from / tile.Width
	last := (size + tile.Width - 1) / tile.Width
	if from == size {
		return nil
	}
	saved := from
	return inOrder(ctx, a.opts.Workers, last-first, func(ctx context.Context, i uint64) (*leaves, error) {
		n := first + i
		l, err := read(ctx, a.opts.Log, n, max(from, n*tile.Width), size)
		if err != nil {
			return nil, unheard("the log does not show its entries", err)
		}
		return l, nil
	}, func(_ uint64, l *leaves) error {
		if err := a.follower.take(l, window); err != nil {
			return err
		}
		a.progress("entries", a.follower.edge.size, size)
		if a.follower.edge.size-saved < saveEvery || a.follower.edge.size == size {
			return nil
		}
		saved = a.follower.edge.size
		progress := a.follower.position()
		a.state.Progress = &progress
		return a.save()
	})
}

// window is what the checkpoints say about the time of the entries between the
// last one verified and the target.
func (a *Auditor) window(target *target) retention.Window {
	w := retention.Window{Before: seenOf(target.Verified, nil).Last}
	if n := len(a.state.Seen); n > 0 {
		w.After = a.state.Seen[n-1].First
	}
	return w
}

// diverged finds out what it means that the entries do not give the root.
func (a *Auditor) diverged(ctx context.Context, target *target) error {
	cp, signed := target.Checkpoint, target.signed
	verified := a.state.Verified
	if err := a.rewind(); err != nil {
		return err
	}
	if verified.Size > 0 {
		hashes, err := proof.Consistency(ctx, a.opts.Log.Tile, verified.Size, cp.Size)
		if err != nil {
			return unheard("the entries do not give the root, and the log shows no tiles", err)
		}
		if err := proof.VerifyConsistency(verified.Size, cp.Size, a.follower.edge.root(), cp.Root, hashes); err != nil {
			a.foundFork(cp, signed, a.state.Seen[len(a.state.Seen)-1])
			return nil
		}
	}
	return a.nameMismatch(ctx, cp, signed)
}

// nameMismatch names the first entry that is not the one in the tree, by the
// hashes in the tiles.
func (a *Auditor) nameMismatch(ctx context.Context, cp checkpoint.Checkpoint, signed []byte) error {
	root, err := proof.Root(ctx, a.opts.Log.Tile, cp.Size)
	if err != nil {
		return unheard("the entries do not give the root, and the log shows no tiles", err)
	}
	if root != cp.Root {
		a.foundGlobal(EntriesMismatch, account.Breach, fmt.Sprintf("neither entries nor tiles give the root of the checkpoint of size %d", cp.Size), signed)
		return nil
	}
	from := a.follower.edge.size
	for n := from / tile.Width; n*tile.Width < cp.Size; n++ {
		width := tile.PartialWidth(0, n, cp.Size)
		hashes, err := a.opts.Log.Tile(ctx, 0, n, width)
		if err != nil {
			return unheard("the log shows no tiles", err)
		}
		data, err := a.opts.Log.Entries(ctx, n, width)
		if err != nil {
			return unheard("the log does not show its entries", err)
		}
		entries, err := tile.SplitEntries(data)
		if err != nil {
			return unheard("the log shows entries that are none", err)
		}
		for i := range min(int(width), len(entries)) {
			if proof.LeafHash(entries[i]) != [tile.HashSize]byte(hashes[i*tile.HashSize:]) {
				index := n*tile.Width + uint64(i)
				a.found.add(about(index, EntriesMismatch, "is served as other bytes than those in the tree of size %d", cp.Size))
				return nil
			}
		}
	}
	a.foundGlobal(EntriesMismatch, account.Breach, fmt.Sprintf("the entries that were served do not give the root of the checkpoint of size %d", cp.Size), signed)
	return nil
}

// foundBody notes a finding about a body.
func (a *Auditor) foundBody(index uint64, code verdict.Code, r record, format string, args ...any) {
	f := about(index, code, format, args...)
	f.Org, f.Issuer = a.follower.orgs.name(r.org), a.follower.dids.name(r.issuer)
	a.found.add(f)
}
