// Package durable writes and reads the few files that the programs keep besides
// their databases: keys, configurations, addresses.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// Create writes a file that must not exist yet. Nothing is ever overwritten; a
// file that could not be written whole is removed. It is on disk when Create
// returns.
func Create(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return exit.With(exit.Bad, fmt.Errorf("%s exists already and was left as it is", path), "choose another name or directory, or move it away first")
	} else if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// Replace writes a file whole or not at all, over one that may exist. It is on
// disk when Replace returns.
func Replace(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// maxSecretBytes bounds a key file: a key is some hundred bytes.
const maxSecretBytes = 4096

// ReadSecret reads a key file. One that others can read is refused: the key may
// be in their hands already. What is in it is in no error.
func ReadSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, exit.With(exit.Bad, fmt.Errorf("key %s can be read by others (mode %04o)", path, info.Mode().Perm()),
			"if nobody has read it, run: chmod 600 "+path)
	}
	return ReadAtMost(f, path, maxSecretBytes)
}

// ReadAtMost reads all of r, which must not be longer than limit bytes.
func ReadAtMost(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: it is over %d bytes", name, limit)
	}
	return data, nil
}
