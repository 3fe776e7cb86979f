package bundles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const text = `{"bundle":"receiptlog/v1"}`

func folder(t *testing.T) string {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"a.bundle.json": text, "b.bundle.json": "broken", "sub/c.json": text, "receipt.json": `{"id":"x"}`, "other.json": `{"bundle":1}`,
		"list.ndjson": text + "\n\n  " + text + "\nbroken", "notes.txt": text, "empty.ndjson": "",
	} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(t *testing.T, s Source) []string {
	t.Helper()
	var out []string
	err := Examine(t.Context(), s, 3, func(b Bundle) string { return b.Name + " " + string(b.Data) }, func(r string) error {
		out = append(out, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestFolder(t *testing.T) {
	dir := folder(t)
	want := []string{"a.bundle.json " + text, "b.bundle.json broken", "list.ndjson:1 " + text, "list.ndjson:3 " + text, "list.ndjson:4 broken", "sub/c.json " + text}
	if got := names(t, Source{Dirs: []string{dir}}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if n, err := (Source{Dirs: []string{dir}, Files: []string{"x"}}).Count(); n != 8 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestNamedFilesAreNeverPassedOver(t *testing.T) {
	dir := folder(t)
	got := names(t, Source{Files: []string{filepath.Join(dir, "receipt.json"), filepath.Join(dir, "notes.txt")}})
	if !slices.Equal(got, []string{"notes.txt " + text, `receipt.json {"id":"x"}`}) {
		t.Errorf("got %q", got)
	}
}

func TestPlaceReadsTheSameAgain(t *testing.T) {
	n := 0
	err := Examine(t.Context(), Source{Dirs: []string{folder(t)}}, 2, func(b Bundle) error {
		again, err := b.Place.Read()
		if err == nil && string(again) != string(b.Data) {
			err = fmt.Errorf("%s: %q, then %q", b.Name, b.Data, again)
		}
		return err
	}, func(err error) error { n++; return err })
	if err != nil || n != 6 {
		t.Errorf("%d bundles, %v", n, err)
	}
}

func TestOverlongIsCut(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 3*maxText)
	os.WriteFile(filepath.Join(dir, "a.bundle.json"), []byte(long), 0o644)
	os.WriteFile(filepath.Join(dir, "b.ndjson"), []byte(long+"\n"+text+"\n"), 0o644)
	var sizes []int
	err := Examine(t.Context(), Source{Dirs: []string{dir}}, 1, func(b Bundle) int { return len(b.Data) }, func(n int) error {
		sizes = append(sizes, n)
		return nil
	})
	if err != nil || !slices.Equal(sizes, []int{maxText, maxText, len(text)}) {
		t.Errorf("sizes %v, %v", sizes, err)
	}
}

func TestErrorsEndIt(t *testing.T) {
	if err := Examine(t.Context(), Source{Files: []string{"/nowhere/a.json"}}, 2, func(Bundle) int { return 0 }, func(int) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	dir := t.TempDir()
	for i := range 100 {
		os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.bundle.json", i)), []byte(text), 0o644)
	}
	stop := errors.New("stop")
	n := 0
	err := Examine(t.Context(), Source{Dirs: []string{dir}}, 2, func(Bundle) int { return 0 }, func(int) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%d collected, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Examine(ctx, Source{Dirs: []string{dir}}, 2, func(Bundle) int { return 0 }, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
