package storagetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/fsck"

	f_log "github.com/transparency-dev/formats/log"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/index"
)

// Acked maps each acknowledged receipt to its leaf.
type Acked map[string]uint64

// Verify checks the whole of a ledger, once everything in it is published:
//
//   - Tessera's fsck accepts it: every entry, every tile, the root, the signature;
//   - each acknowledged receipt is at its leaf, findable, and its body opens (I1);
//   - each receipt is at one leaf, acknowledged or not, with its body (I2);
//   - the checkpoints, in the order they could be seen, are of one growing tree (I4).
func (l *Ledger) Verify(ctx context.Context, acked Acked, seen ...[]byte) error {
	if size, _ := l.Driver.Tree(); size > 0 {
		if _, err := l.Driver.AwaitPublished(ctx, size-1); err != nil {
			return err
		}
	}
	if err := fsck.New(Origin, l.verifier, l.Reader, bundleHashes, fsck.Opts{N: 1}).Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	entries, err := l.entries(ctx)
	if err != nil {
		return err
	}
	if err := l.verifyReceipts(entries, acked); err != nil {
		return err
	}
	now, err := l.Reader.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	return l.verifyCheckpoints(entries, append(slices.Clone(seen), now))
}

// entries returns all entries of the log.
func (l *Ledger) entries(ctx context.Context) (all [][]byte, err error) {
	size, _ := l.Driver.Tree()
	for i := uint64(0); i*tile.Width < size; i++ {
		width := tile.PartialWidth(0, i, size)
		raw, err := l.Reader.ReadEntryBundle(ctx, i, uint8(width%tile.Width))
		if err != nil {
			return nil, err
		}
		entries, err := tile.SplitEntries(raw)
		if err != nil {
			return nil, err
		}
		if len(entries) != int(width) {
			return nil, fmt.Errorf("bundle %d has %d entries, not %d", i, len(entries), width)
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (l *Ledger) verifyReceipts(entries [][]byte, acked Acked) error {
	leaves := make(Acked)
	for i, e := range entries {
		receipt, err := l.verifyEntry(uint64(i), e)
		if err != nil {
			return fmt.Errorf("leaf %d: %w", i, err)
		}
		if other, ok := leaves[receipt]; ok {
			return fmt.Errorf("I2: receipt %q is at leaf %d and at leaf %d", receipt, other, i)
		}
		leaves[receipt] = uint64(i)
	}
	for receipt, leaf := range acked {
		if at, ok := leaves[receipt]; !ok {
			return fmt.Errorf("I1: acknowledged receipt %q is lost", receipt)
		} else if at != leaf {
			return fmt.Errorf("I1: receipt %q was acknowledged at leaf %d and is at %d", receipt, leaf, at)
		}
	}
	return nil
}

// verifyEntry checks everything that belongs to one leaf, and returns its receipt.
func (l *Ledger) verifyEntry(leaf uint64, entry []byte) (string, error) {
	plain, salt, err := body.Open(l.DB, leaf, [32]byte(entry))
	if err != nil {
		return "", fmt.Errorf("I1: %w", err)
	}
	receipt := string(plain)
	if Commitment(salt, receipt) != [32]byte(entry) {
		return "", errors.New("entry does not commit to its body")
	}
	at, err := l.Index.Identity(sha256.Sum256(plain))
	if err != nil || at != leaf {
		return "", fmt.Errorf("I9: receipt is indexed at leaf %d: %w", at, err)
	}
	run, err := l.Index.Run(Run(receipt))
	if err != nil || !slices.Contains(run, index.RunLeaf{Leaf: leaf}) {
		return "", fmt.Errorf("I9: run is indexed at leaves %v: %w", run, err)
	}
	org, err := l.Index.Org(index.Handle(entry[32:]))
	if err != nil || org != Org(receipt) {
		return "", fmt.Errorf("handle stands for %q: %w", org, err)
	}
	return receipt, nil
}

func (l *Ledger) verifyCheckpoints(entries [][]byte, seen [][]byte) error {
	var last uint64
	for i, signed := range seen {
		if signed == nil {
			if last > 0 || i > 0 && seen[i-1] != nil {
				return errors.New("I4: no checkpoint is published, after one was seen")
			}
			continue
		}
		cp, _, _, err := f_log.ParseCheckpoint(signed, Origin, l.verifier)
		if err != nil {
			return err
		}
		if cp.Size < last {
			return fmt.Errorf("I4: checkpoint of size %d was seen after one of size %d", cp.Size, last)
		}
		if cp.Size > uint64(len(entries)) {
			return fmt.Errorf("I4: checkpoint of size %d was seen, the log has %d entries", cp.Size, len(entries))
		}
		if root := rootOf(entries[:cp.Size]); [32]byte(cp.Hash) != root {
			return fmt.Errorf("I4: checkpoint of size %d has root %x, the log had %x", cp.Size, cp.Hash, root)
		}
		last = cp.Size
	}
	return nil
}

func rootOf(entries [][]byte) [32]byte {
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, e := range entries {
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(e), nil); err != nil {
			panic("storagetest: " + err.Error())
		}
	}
	if len(entries) == 0 {
		return sha256.Sum256(nil)
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		panic("storagetest: " + err.Error())
	}
	return [32]byte(root)
}

func bundleHashes(bundle []byte) (hashes [][]byte, err error) {
	b := &api.EntryBundle{}
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}
