package log

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
)

// Reindex drops the index of a log that does not run, and derives it anew from
// entries and bodies: which entry is of which receipt, run and issuer (I9). It
// changes nothing else. If it is interrupted, the next Open or Reindex begins it
// again, and until then the log takes nothing in. A body that cannot be opened,
// other than one that was erased, ends it: without it nobody could tell a receipt
// from one that was never logged (I2). progress may be nil.
func Reindex(ctx context.Context, dir, origin string, storage kv.Options, progress func(done, total uint64)) error {
	storage.Create, storage.ReadOnly, storage.Origin = false, false, origin
	db, err := kv.Open(dir, storage)
	if err != nil {
		return err
	}
	return errors.Join(rebuildIndex(ctx, db, progress), db.Close())
}

// openIndex opens the index. A rebuild that was interrupted is done first.
func (l *Log) openIndex() (*index.Index, error) {
	x, err := index.Open(l.db)
	if !errors.Is(err, index.ErrIncomplete) {
		return x, err
	}
	l.logger.Warn("the index was being rebuilt when the log stopped; it is rebuilt now, before anything is served")
	err = rebuildIndex(context.Background(), l.db, func(done, total uint64) {
		if done%(1<<18) == 0 || done == total {
			l.logger.Info("rebuilding the index", "entries", done, "of", total)
		}
	})
	if err != nil {
		return nil, err
	}
	return index.Open(l.db)
}

// rebuildIndex does the work. Nothing else may use the database.
func rebuildIndex(ctx context.Context, db *kv.DB, progress func(done, total uint64)) error {
	reader, err := driver.OpenReader(db)
	if err != nil {
		return err
	}
	size, _ := reader.Tree()
	return index.New(db).Rebuild(func(r *index.Rebuilder) error {
		for first := uint64(0); first < size; first += tile.Width {
			if progress != nil {
				progress(first, size)
			}
			width := tile.PartialWidth(0, first/tile.Width, size)
			data, err := reader.ReadEntryBundle(ctx, first/tile.Width, uint8(width%tile.Width))
			if err != nil {
				return err
			}
			entries, err := tile.SplitEntries(data)
			if err != nil {
				return err
			}
			for i, data := range entries {
				if err := reindexEntry(db, r, first+uint64(i), data); err != nil {
					return fmt.Errorf("entry %d: %w", first+uint64(i), err)
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(size, size)
		}
		return nil
	})
}

// reindexEntry notes of one entry what receiptRecords and issuerRecords noted
// when it was appended.
func reindexEntry(db *kv.DB, r *index.Rebuilder, at uint64, data []byte) error {
	parsed, err := entry.Parse(data)
	if err != nil {
		return err
	}
	switch e := parsed.(type) {
	case entry.Issuer:
		r.Issuer(e.DID, sha256.Sum256(e.Document), at)
	case entry.Receipt:
		plain, _, err := body.Open(db, at, e.Commitment)
		if errors.Is(err, body.ErrErased) {
			return nil // its rows went with it
		} else if err != nil {
			return err
		}
		parsed, err := receipt.Parse(plain)
		if err != nil {
			return err
		}
		org, err := index.ParseHandle(e.Org)
		if err != nil {
			return err
		}
		r.Identity(parsed.Hash(), at)
		r.Run(parsed.RunID(), at, index.OwnedBy(org, parsed.Publishable()))
	}
	return nil
}
