package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/armalo/receiptlog/cmd/internal/durable"
)

// copyDurably copies a file, or a folder with all that is in it, to a name that
// must not exist. When it returns nil the copy is on disk. It shares nothing with
// the original.
func copyDurably(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		within, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, within)
		if !entry.IsDir() {
			return copyFile(path, target)
		}
		if err := os.Mkdir(target, 0o700); err != nil {
			return err
		}
		return durable.SyncDir(filepath.Dir(target))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(to))
}
