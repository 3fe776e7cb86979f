package log_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// indexRows are the rows that can be derived.
func indexRows(w *logtest.World) (rows []string) {
	w.T.Helper()
	w.Change(func(db *kv.DB) {
		for _, b := range kv.IndexBounds() {
			err := db.Scan(b[0], b[1], func(key, value []byte) error {
				rows = append(rows, fmt.Sprintf("%x=%x", key, value))
				return nil
			})
			if err != nil {
				w.T.Fatal(err)
			}
		}
	})
	return rows
}

// The index is dropped, and derived again row by row.
func TestI9Reindex(t *testing.T) {
	w := logtest.New(t)
	w.Fill(300)
	w.Close()
	before := indexRows(w)
	w.Change(func(db *kv.DB) {
		b := db.NewBatch()
		for _, bounds := range kv.IndexBounds() {
			b.DeleteRange(bounds[0], bounds[1])
		}
		if err := b.Commit(true); err != nil {
			t.Fatal(err)
		}
	})
	if w.Fsck().OK {
		t.Error("fsck does not miss the index")
	}
	if err := log.Reindex(t.Context(), w.Options.Dir, logtest.Origin, w.Options.Storage, nil); err != nil {
		t.Fatal(err)
	}
	if after := indexRows(w); len(before) < 600 || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%d rows before, %d after", len(before), len(after))
	}
}

// The process dies at the k-th write of a rebuild, for every k. The log that is
// started then never answers from half an index: it has the rebuild done first,
// and every receipt is found, and has one leaf.
func TestI9CrashInARebuild(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	w := logtest.New(t, func(o *log.Options) { o.Dir, o.Storage.FS = "data", disk })
	receipts := make([][]byte, 6)
	for i := range receipts {
		receipts[i] = w.Issuer.Receipt(fmt.Sprint("run-", i))
		w.Submit(receipts[i])
	}
	w.Close()
	before := indexRows(w)
	interrupted := 0
	for k, failed := 1, true; failed; k++ {
		disk := disk.Crash(100, 1)
		disk.SetFault(storagetest.Fault{At: k})
		w.Options.Storage.FS = disk
		err := log.Reindex(t.Context(), "data", logtest.Origin, w.Options.Storage, nil)
		failed = err != nil
		w.Options.Storage.FS = disk.Crash(50*(k%3), uint64(k))
		if isIncomplete(w) {
			interrupted++
		}
		w.Open()
		for i, data := range receipts {
			stored, err := w.Log.Run(t.Context(), fmt.Sprint("run-", i), log.View{All: true})
			if err != nil || len(stored) != 1 {
				t.Fatalf("k=%d: run-%d has %d receipts: %v", k, i, len(stored), err)
			}
			if b := w.Submit(data); b.Index != stored[0].Index {
				t.Fatalf("k=%d: receipt %d has entries %d and %d", k, i, stored[0].Index, b.Index)
			}
		}
		w.Close()
		if after := indexRows(w); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Fatalf("k=%d: %d rows before, %d after", k, len(before), len(after))
		}
		if k > 200 {
			t.Fatal("a rebuild has no end")
		}
	}
	if interrupted == 0 {
		t.Error("no crash fell into a rebuild")
	}
}

func isIncomplete(w *logtest.World) (incomplete bool) {
	w.T.Helper()
	w.Change(func(db *kv.DB) {
		_, err := index.Open(db)
		incomplete = errors.Is(err, index.ErrIncomplete)
	})
	return incomplete
}

// Without a body nobody can tell which receipt an entry is of: the rebuild ends,
// and so does every start after it, rather than take a receipt twice.
func TestI9ReindexNeedsEveryBody(t *testing.T) {
	w := logtest.New(t)
	w.Fill(3)
	w.Close()
	undo := w.Rot(kv.BodyKey(0), kv.BodyKey(1<<32), 1)
	if err := log.Reindex(t.Context(), w.Options.Dir, logtest.Origin, w.Options.Storage, nil); err == nil {
		t.Error("reindexed without a body")
	}
	if l, err := log.Open(w.Options); err == nil {
		t.Error("the log runs without an index")
		l.Close(context.Background())
	}
	undo()
	w.Open() // fsck looks at it when the test ends
}
