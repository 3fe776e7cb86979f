package kv

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// holders returns the files under dir whose bytes contain text.
func holders(t *testing.T, dir string, text []byte) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if bytes.Contains(data, text) {
			names = append(names, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestI7ScrubLeavesNothing deletes rows of every age (in memory, in the log, in
// tables, moved down by compaction) and searches every file for their values.
func TestI7ScrubLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(dir, Options{Create: true, Origin: "o", MemTableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	secrets := make([][]byte, 0, 6000)
	put := func(n int) {
		for range n {
			value := make([]byte, 64)
			rand.Read(value)
			b := db.NewBatch()
			b.Set(BodyKeyKey(uint64(len(secrets))), value)
			b.Set(BodyKey(uint64(len(secrets))), make([]byte, 500))
			if err := b.Commit(false); err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, value)
		}
	}
	put(4000) // several memtables and tables
	lower, upper := BodyKeyKey(0), BodyKeyKey(^uint64(0))
	if err := errors.Join(db.Flush(), db.Compact(t.Context(), lower, upper)); err != nil {
		t.Fatal(err)
	}
	put(1500)
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	put(500) // in memory and in the write-ahead log, which is synced so that it can be searched
	synced := db.NewBatch()
	synced.Set(BodyKey(1<<40), nil)
	if err := synced.Commit(true); err != nil {
		t.Fatal(err)
	}

	victims := []int{0, 1, 777, 3999, 4000, 5400, 5500, 5999}
	var before int
	b := db.NewBatch()
	for _, i := range victims {
		before += len(holders(t, dir, secrets[i]))
		b.Delete(BodyKeyKey(uint64(i)))
	}
	if before < len(victims) {
		t.Fatalf("the search finds %d of %d values before they are deleted", before, len(victims))
	}
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	for _, i := range victims {
		if err := db.Scrub(t.Context(), BodyKeyKey(uint64(i)), BodyKeyKey(uint64(i)+1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range victims {
		if names := holders(t, dir, secrets[i]); names != nil {
			t.Errorf("value %d is still in %v", i, names)
		}
	}
	// In tables at rest, which nothing but the scrub would compact.
	if err := errors.Join(db.Flush(), db.Compact(t.Context(), lower, upper)); err != nil {
		t.Fatal(err)
	}
	b = db.NewBatch()
	b.Delete(BodyKeyKey(10))
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	if err := db.Scrub(t.Context(), BodyKeyKey(10), BodyKeyKey(11)); err != nil {
		t.Fatal(err)
	}
	if names := holders(t, dir, secrets[10]); names != nil {
		t.Errorf("value 10 is still in %v", names)
	}
	for _, i := range []int{2, 4500, 5998} {
		if got, err := db.Get(BodyKeyKey(uint64(i))); err != nil || !bytes.Equal(got, secrets[i]) {
			t.Errorf("value %d is lost: %v", i, err)
		}
	}
}

// TestScrubWaitsForReaders holds that Scrub does not claim what a reader
// prevents.
func TestScrubWaitsForReaders(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(dir, Options{Create: true, Origin: "o"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	secret := make([]byte, 64)
	rand.Read(secret)
	b := db.NewBatch()
	b.Set(BodyKeyKey(1), secret)
	if err := errors.Join(b.Commit(true), db.Flush()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	err = db.Scan(BodyKeyKey(0), BodyKeyKey(9), func(_, _ []byte) error {
		b := db.NewBatch()
		b.Delete(BodyKeyKey(1))
		if err := b.Commit(true); err != nil {
			return err
		}
		go func() { done <- db.Scrub(t.Context(), BodyKeyKey(1), BodyKeyKey(2)) }()
		if err := db.Flush(); err != nil {
			return err
		}
		select {
		case err := <-done:
			if names := holders(t, dir, secret); names != nil {
				t.Errorf("scrub returned %v while the value is in %v", err, names)
			}
			done <- err
		case <-t.Context().Done():
		case <-time.After(10 * scrubPoll): // it waits, as it should
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if names := holders(t, dir, secret); names != nil {
		t.Errorf("the value is in %v", names)
	}
}
