package issuerkey

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// ErrExposed is wrapped where a key file may be read by others.
var ErrExposed = errors.New("others on this machine may read it")

// maxFileBytes bounds a key file: five short strings, and a context.
const maxFileBytes = 16 << 10

// Save writes the key to a new file, durably. A file that exists is left as it
// is, and the error wraps fs.ErrExist.
func (k *Key) Save(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("save issuer key: %w", err)
	}
	_, err = f.Write(k.Marshal())
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(name)
		return fmt.Errorf("save issuer key: %w", err)
	}
	return nil
}

// Load reads a key from a file that only its owner may read.
func Load(name string) (*Key, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("load issuer key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load issuer key: %w", err)
	}
	if exposed(info) {
		return nil, fmt.Errorf("load issuer key: %s: %w", name, ErrExposed)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("load issuer key: %w", err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("load issuer key: %s is too large to be a key file", name)
	}
	k, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("load issuer key: %s: %w", name, err)
	}
	return k, nil
}

// exposed reports whether group or others have any right to a regular file.
// Pipes (as from a secret manager) have no mode to speak of, nor has Windows.
func exposed(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}
