package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Store is where an auditor keeps its state and its ledger. One auditor uses
// it at a time.
type Store interface {
	// Load returns the state that was last replaced, or nil if none ever was.
	Load() ([]byte, error)
	// Replace makes state durable in the place of the one before, in one step:
	// after a crash there is either the one or the other.
	Replace(state []byte) error
	// Ledger is the file of the ledger, as far as it was made durable.
	Ledger() File
}

// The files in a folder.
const (
	stateName  = "state.json"
	ledgerName = "ledger.bin"
	lockName   = "lock"
)

// Dir is a [Store] in a folder of its own.
type Dir struct {
	path   string
	lock   *os.File
	ledger *os.File
}

// ErrLocked says that another auditor is at work on the folder.
var ErrLocked = errors.New("another audit is using this folder")

// OpenDir opens a folder, or makes it. Close it.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open audit folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open audit folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	ledger, err := os.OpenFile(filepath.Join(path, ledgerName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("open audit folder: %w", err)
	}
	return &Dir{path: path, lock: lock, ledger: ledger}, nil
}

// Close releases the folder.
func (d *Dir) Close() error { return errors.Join(d.ledger.Close(), d.lock.Close()) }

// Ledger implements Store.
func (d *Dir) Ledger() File { return d.ledger }

// Load implements Store.
func (d *Dir) Load() ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(d.path, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Replace implements Store: a new file, synced, renamed over the old one, and
// the folder synced.
func (d *Dir) Replace(state []byte) error {
	name := filepath.Join(d.path, stateName)
	temp, err := os.OpenFile(name+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	_, err = temp.Write(state)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err == nil {
		err = syncDir(d.path)
	}
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
