package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// What stands in a witness's directory.
const (
	configName  = "receiptwitness.json" // Config; written last: with it the witness is complete
	dataName    = "data"                // the database
	keysName    = "keys"                // every *.key in it cosigns
	retiredName = "retired"             // below keys: cosigns no more
	bastionName = "bastion.key"         // tells bastions who we are
	socketName  = "admin.sock"          // there while the witness serves
)

// writeNew writes a file that must not exist yet, durably. Nothing is ever
// overwritten.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return failing(exitBad, fmt.Errorf("%s exists already and was left as it is", path), "")
	} else if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// replaceFile writes a file whole or not at all, over one that may exist.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".receiptwitness-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// maxSecretBytes bounds a key file: a key is some hundred bytes.
const maxSecretBytes = 4096

// readSecret reads a key file. One that others can read is refused: the key may
// be in their hands already.
func readSecret(path string) ([]byte, error) {
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
		return nil, failing(exitBad, fmt.Errorf("key %s can be read by others (mode %04o)", path, info.Mode().Perm()),
			"if nobody has read it, run: chmod 600 "+path)
	}
	return readAtMost(f, path, maxSecretBytes)
}

// readAtMost reads what must not be longer than that many bytes.
func readAtMost(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: it is over %d bytes", name, limit)
	}
	return data, nil
}
