package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/witness"
	"github.com/armalo/receiptlog/witness/admin"
)

// databaseOrigin is what the database of a witness is made for, so that it is not
// taken for a log's.
const databaseOrigin = "receiptwitness"

// A witness needs little: its rows are some kilobytes for each log.
const (
	memTableBytes = 8 << 20
	cacheBytes    = 16 << 20
)

// openDatabase opens the database that init made.
func openDatabase(dir string, logger *slog.Logger) (*kv.DB, error) {
	db, err := kv.Open(filepath.Join(dir, dataName), kv.Options{
		Origin: databaseOrigin, Logger: logger, MemTableBytes: memTableBytes, CacheBytes: cacheBytes,
	})
	switch {
	case errors.Is(err, kv.ErrLocked):
		return nil, exit.With(exit.Bad, err, "another receiptwitness runs on this directory")
	case errors.Is(err, kv.ErrNotExist):
		return nil, exit.With(exit.Bad, err, "nothing is created here: a witness that forgot what it cosigned must not go on under the same keys")
	}
	return db, err
}

// openWitness opens the witness in dir with the keys that are there.
func openWitness(dir string, db *kv.DB, opts witness.Options) (*witness.Witness, error) {
	keys, err := loadKeys(dir)
	if err != nil {
		return nil, err
	}
	return witness.New(cas.New(db), keys, opts)
}

// administer does something with the witness in dir: through the one that serves,
// or else on the database itself.
func administer(dir string, do func(admin.Witness) error) error {
	if _, err := readConfig(dir); err != nil {
		return err
	}
	remote, err := admin.Dial(filepath.Join(dir, socketName))
	if err == nil {
		return do(remote)
	}
	if !admin.NotServing(err) {
		return fmt.Errorf("reach the serving witness: %w", err)
	}
	db, err := openDatabase(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	w, err := openWitness(dir, db, witness.Options{})
	if err == nil {
		err = do(admin.Local{Witness: w, Reload: func() (*witness.Keys, error) { return loadKeys(dir) }})
	}
	return errors.Join(err, db.Close())
}
