package fsck_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/log/fsck"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/kv"
)

// world returns a closed log with a document and n receipts.
func world(t *testing.T, n int) *logtest.World {
	w := logtest.New(t)
	w.Fill(n)
	w.Close()
	return w
}

func TestSoundLogs(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			report := world(t, n).Fsck()
			if !report.OK || !report.CheckpointHolds || report.ReceiptsSound != uint64(n) || report.Receipts != uint64(n) || report.EntriesSound != report.Size {
				t.Errorf("got %+v", report)
			}
		})
	}
}

// Every kind of row is hurt; each time the damage is found and named, and the
// report says what still verifies.
func TestDamageIsNamed(t *testing.T) {
	w := world(t, 300)
	hashes := func(level uint8) func() ([]byte, []byte) {
		return func() ([]byte, []byte) { return kv.HashesBounds(level, 0) }
	}
	derived := func(n int) func() ([]byte, []byte) {
		return func() ([]byte, []byte) { b := kv.IndexBounds()[n]; return b[0], b[1] }
	}
	for _, tt := range []struct {
		name         string
		bounds       func() ([]byte, []byte)
		what         string
		receiptsLost bool
	}{
		{"leaf hash", hashes(0), "entry", false},
		{"inner hash", hashes(1), "tile", false},
		{"entry", func() ([]byte, []byte) { return kv.EntriesBounds(1) }, "entry", true},
		{"tree state", func() ([]byte, []byte) { return kv.TreeKey(), kv.Successor(kv.TreeKey()) }, "tree state", false},
		{"published checkpoint", kv.CheckpointBounds, "checkpoint", false},
		{"body", func() ([]byte, []byte) { return kv.BodyKey(0), kv.BodyKey(1 << 32) }, "body", true},
		{"salt", func() ([]byte, []byte) { return kv.BodyKeyKey(0), kv.BodyKeyKey(1 << 32) }, "body", true},
		{"receipt's row", derived(0), "index", false},
		{"issuer's row", derived(2), "index", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lower, upper := tt.bounds()
			undo := w.Rot(lower, upper, 2)
			defer undo()
			report := w.Fsck()
			if report.OK || !names(report, tt.what) {
				t.Errorf("found %+v, want damage to a %s", report.Damages, tt.what)
			}
			if lost := report.ReceiptsSound != 300; lost != tt.receiptsLost || report.ReceiptsSound < 299 {
				t.Errorf("%d of %d receipts still verify", report.ReceiptsSound, report.Receipts)
			}
		})
	}
}

// Rows that are gone, and rows that belong to nothing, are found too.
func TestMissingAndStrayRows(t *testing.T) {
	w := world(t, 5)
	for _, tt := range []struct {
		name   string
		change func(b *kv.Batch)
		undo   func(b *kv.Batch)
		what   string
	}{
		{"stray body", func(b *kv.Batch) { b.Set(kv.BodyKey(77), []byte("x")) }, func(b *kv.Batch) { b.Delete(kv.BodyKey(77)) }, "body"},
		{"stray identity", func(b *kv.Batch) { b.Set(kv.IdentityKey([32]byte{1}), make([]byte, 8)) }, func(b *kv.Batch) { b.Delete(kv.IdentityKey([32]byte{1})) }, "index"},
		{"stray run", func(b *kv.Batch) { b.Set(kv.RunKey([32]byte{1}, 3), nil) }, func(b *kv.Batch) { b.Delete(kv.RunKey([32]byte{1}, 3)) }, "index"},
		{"stray checkpoint", func(b *kv.Batch) { b.Set(kv.CheckpointKey("x"), []byte("x")) }, func(b *kv.Batch) { b.Delete(kv.CheckpointKey("x")) }, "checkpoint"},
		{"witness's size", func(b *kv.Batch) { b.Set(kv.CheckpointKey("witness/00"), []byte("7")) }, func(b *kv.Batch) { b.Delete(kv.CheckpointKey("witness/00")) }, "checkpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, w, tt.change)
			defer write(t, w, tt.undo)
			if report := w.Fsck(); report.OK || !names(report, tt.what) {
				t.Errorf("found %+v, want damage to the %s", report.Damages, tt.what)
			}
		})
	}
}

func TestReportForPeople(t *testing.T) {
	w := world(t, 3)
	undo := w.Rot(kv.BodyKey(2), kv.BodyKey(3), 1)
	defer undo()
	var out bytes.Buffer
	if err := w.Fsck().Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"✗ body 2: ", "4 entries, 4 of them published", "2 of 3", "damaged in 1 places"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
}

func write(t *testing.T, w *logtest.World, f func(b *kv.Batch)) {
	t.Helper()
	w.Change(func(db *kv.DB) {
		b := db.NewBatch()
		f(b)
		if err := b.Commit(true); err != nil {
			t.Fatal(err)
		}
	})
}

func names(report *fsck.Report, what string) bool {
	for _, d := range report.Damages {
		if d.What == what {
			return true
		}
	}
	return false
}
