package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// readInput reads a file, or standard input for "-", of at most limit bytes.
func readInput(stdin io.Reader, name string, limit int64) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, cannotRead(err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, cannotRead(err)
	}
	if int64(len(data)) > limit {
		return nil, exit.With(exit.Usage, fmt.Errorf("%s is over %d bytes", name, limit), "")
	}
	return data, nil
}

func cannotRead(err error) error {
	return exit.With(exit.Usage, fmt.Errorf("cannot read: %w", err), "")
}

// writeNew writes a file that must not exist yet, or writes to stdout for "-".
func writeNew(stdout io.Writer, name string, data []byte) error {
	if name == "-" {
		_, err := stdout.Write(data)
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exit.With(exit.Usage, fmt.Errorf("%s exists already", name), "nothing was written; choose another name or remove it first")
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// exists reports whether a file of that name is there.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return name != "" && err == nil
}

// maxNameBytes keeps file names within what file systems take.
const maxNameBytes = 128

// fileName makes a plain file name of a run id, which others chose.
func fileName(runID string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, runID)
	if len(name) > maxNameBytes {
		name = name[:maxNameBytes]
	}
	if strings.HasPrefix(name, ".") || name == "" {
		name = "_" + name
	}
	return name
}
