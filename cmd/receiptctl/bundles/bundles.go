// Package bundles streams bundles from files and folders, however many there
// are, and has them examined on all processors. What it holds at a time is a
// few bundles, and the names in one folder.
//
// A file is a bundle, or, where its name ends in .ndjson, has one bundle a
// line. From a folder and those in it come the files *.bundle.json and
// *.ndjson, and *.json where they say that they are bundles: receipts and
// reports may lie beside them.
package bundles

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/armalo/receiptlog/client/bundle"
)

// Source says where bundles come from.
type Source struct {
	Files []string
	Dirs  []string
}

// Bundle is the text of one bundle, not yet parsed, and the name that tells it
// from others: that of its file, in a folder the path from there, in NDJSON
// with the line. An over-long text is cut right after the bound, so that
// parsing it fails.
type Bundle struct {
	Name  string
	Data  []byte
	Place Place
}

// Place is where a bundle was read from, to be read again.
type Place struct {
	Path   string
	Offset int64
}

// Read reads the bundle again. What is there may have changed in between.
func (p Place) Read() ([]byte, error) {
	f, err := os.Open(p.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !isLines(p.Path) {
		return io.ReadAll(io.LimitReader(f, maxText))
	}
	if _, err := f.Seek(p.Offset, io.SeekStart); err != nil {
		return nil, err
	}
	line, _, err := readLine(bufio.NewReader(f))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return bytes.TrimSpace(line), err
}

// maxText is one byte more than a bundle may have.
const maxText = bundle.MaxBytes + 1

// Count returns how many files the source has, NDJSON counted once. It is for
// showing progress.
func (s Source) Count() (int, error) {
	n := len(s.Files)
	for _, dir := range s.Dirs {
		err := walk(dir, func(string, string) error { n++; return nil })
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// walk calls visit with the path and the name of each candidate in a folder,
// in the order of their names.
func walk(dir string, visit func(path, name string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") && !isLines(path) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return visit(path, filepath.ToSlash(name))
	})
}

func isLines(path string) bool { return strings.HasSuffix(path, ".ndjson") }

// each reads one bundle after the other.
func (s Source) each(ctx context.Context, yield func(Bundle) error) error {
	for _, path := range s.Files {
		if err := read(path, filepath.Base(path), true, yield); err != nil {
			return err
		}
	}
	for _, dir := range s.Dirs {
		err := walk(dir, func(path, name string) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return read(path, name, isLines(path) || strings.HasSuffix(path, ".bundle.json"), yield)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read yields what a file has. Unless it must be a bundle, a file that does not
// say it is one is passed over.
func read(path, name string, must bool, yield func(Bundle) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if isLines(path) {
		return lines(f, path, name, yield)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return err
	}
	if !must && !says(data) {
		return nil
	}
	return yield(Bundle{name, data, Place{Path: path}})
}

// says reports whether a text has the member by which a bundle is known.
func says(data []byte) bool {
	var head struct {
		Bundle any `json:"bundle"`
	}
	return json.Unmarshal(data, &head) == nil && head.Bundle == bundle.Version
}

func lines(f io.Reader, path, name string, yield func(Bundle) error) error {
	in := bufio.NewReaderSize(f, 1<<16)
	var offset int64
	for n := 1; ; n++ {
		line, size, err := readLine(in)
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			if err := yield(Bundle{fmt.Sprintf("%s:%d", name, n), trimmed, Place{path, offset}}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		offset += size
	}
}

// readLine reads a line, keeps at most maxText bytes of it, and says how many
// there were.
func readLine(in *bufio.Reader) (line []byte, size int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		size += int64(len(part))
		line = append(line, part[:min(len(part), maxText-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, size, err
		}
	}
}

// Examine calls examine for every bundle from several goroutines, and collect
// with each result from this one, in no particular order. An error is that of
// reading, of the context, or the first of collect.
func Examine[T any](ctx context.Context, s Source, workers int, examine func(Bundle) T, collect func(T) error) error {
	one := func(b Bundle, yield func(T)) { yield(examine(b)) }
	return Parallel(ctx, s.each, workers, one, collect)
}

// Parallel is Examine for whatever feed yields, of which examine may make several
// results, one after another: so none has to be held until the last is there. feed
// ends when yield or the context does.
func Parallel[I, O any](ctx context.Context, feed func(ctx context.Context, yield func(I) error) error, workers int, examine func(item I, yield func(O)), collect func(O) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	read, done := make(chan I, workers), make(chan O, workers)
	go func() {
		defer close(read)
		err := feed(ctx, func(item I) error {
			select {
			case read <- item:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			cancel(err)
		}
	}()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for item := range read {
				examine(item, func(result O) { done <- result })
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	for result := range done {
		if ctx.Err() != nil {
			continue // drain, so that the others end
		}
		if err := collect(result); err != nil {
			cancel(err)
		}
	}
	return context.Cause(ctx)
}
