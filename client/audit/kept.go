package audit

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// keptPage is how many kept checkpoints are asked for at once, and maxKept
	// how many are looked at in one run: what is left is for the next.
	keptPage = 500
	maxKept  = 20_000
)

// historian is a log that shows what it published before. Not every log does.
type historian interface {
	Kept(ctx context.Context, from uint64, after string, limit int) ([]api.KeptCheckpoint, error)
}

// checkKept holds the kept checkpoints to the policy and to the tree, from where
// the last run ended. A log that was two logs to different people has to hide
// one of them here, or show both.
func (a *Auditor) checkKept(ctx context.Context) error {
	log, ok := a.opts.Log.(historian)
	if !ok {
		return nil
	}
	if a.state.Kept == nil {
		a.state.Kept = new(account.Kept)
	}
	k := a.state.Kept
	k.Complete = false
	for range maxKept / keptPage {
		page, err := log.Kept(ctx, k.Size, k.At, keptPage)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return nil // no such route, or no answer: the account says that it is not complete
		}
		n := len(page)
		for i, c := range page {
			if c.Size < k.Size || c.Size == k.Size && c.At == k.At {
				a.foundGlobal(CheckpointInvalid, account.Breach, fmt.Sprintf("the kept checkpoints are shown out of order behind size %d", k.Size))
				return nil
			}
			if c.Size > a.state.Verified.Size {
				n = i // it is newer than what was verified
				break
			}
		}
		if err := a.holdKept(ctx, page[:n]); err != nil {
			return err
		}
		if n < keptPage {
			k.Complete = true
			return nil
		}
	}
	return nil
}

// past is one kept checkpoint that was looked at.
type past struct {
	verified *policy.Verified
	err      error // of the policy
	root     [32]byte
}

// holdKept looks at a page of kept checkpoints.
func (a *Auditor) holdKept(ctx context.Context, page []api.KeptCheckpoint) error {
	k := a.state.Kept
	return inOrder(ctx, a.opts.Workers, uint64(len(page)), func(ctx context.Context, i uint64) (*past, error) {
		p := new(past)
		p.verified, p.err = a.opts.Policy.Verify([]byte(page[i].Checkpoint))
		if p.verified == nil || p.verified.Checkpoint.Size != page[i].Size || p.verified.Checkpoint.Size > a.state.Verified.Size {
			return p, nil
		}
		var err error
		if p.root, err = proof.Root(ctx, a.opts.Log.Tile, p.verified.Checkpoint.Size); err != nil {
			return nil, unheard("the log shows no tiles for a checkpoint that it keeps", err)
		}
		return p, nil
	}, func(i uint64, p *past) error {
		c := page[i]
		k.Size, k.At = c.Size, c.At
		switch {
		case p.verified == nil:
			a.foundGlobal(verdict.CodeOf(p.err), account.Breach, fmt.Sprintf("a kept checkpoint, said to be of size %d and of %s, is none: %v", c.Size, c.At, p.err), []byte(c.Checkpoint))
			return nil
		case p.verified.Checkpoint.Size != c.Size || p.verified.Checkpoint.Origin != a.state.Origin:
			a.foundGlobal(CheckpointInvalid, account.Breach, fmt.Sprintf("a kept checkpoint, said to be of size %d, is of %s at size %d", c.Size, p.verified.Checkpoint.Origin, p.verified.Checkpoint.Size), []byte(c.Checkpoint))
			return nil
		case p.verified.Checkpoint.Root != p.root:
			a.foundGlobal(Fork, account.Breach, fmt.Sprintf("the log has signed two histories: its kept checkpoint of size %d, of %s, is not of the tree that it shows", c.Size, c.At), []byte(c.Checkpoint))
			return nil
		}
		k.Checked++
		if p.err == nil {
			k.Quorate++
			a.state.rememberPast(seenOf(p.verified, []byte(c.Checkpoint)))
		}
		return nil
	})
}
