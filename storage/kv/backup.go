package kv

import (
	"errors"
	"fmt"
)

// ErrBackup says that a database is a backup. Whoever goes on from it may undo
// what was promised since it was taken, so it is opened only to be read, until
// [ReleaseBackup] says that this was thought of.
var ErrBackup = errors.New("the database is a backup")

const metaBackup = "backup"

// MarkBackup makes the copy in dir, which is not open, one that Open refuses to
// write to. The note is for [BackupNote].
func MarkBackup(dir string, opts Options, note []byte) error {
	return changeBackup(dir, opts, func(b *Batch) { b.Set(metaKey(metaBackup), note) })
}

// ReleaseBackup makes a backup a database like any other.
func ReleaseBackup(dir string, opts Options) error {
	return changeBackup(dir, opts, func(b *Batch) { b.Delete(metaKey(metaBackup)) })
}

func changeBackup(dir string, opts Options, change func(*Batch)) error {
	opts.allowBackup = true
	db, err := Open(dir, opts)
	if err != nil {
		return err
	}
	b := db.NewBatch()
	change(b)
	return errors.Join(b.Commit(true), db.Close())
}

// BackupNote returns what MarkBackup was given, or ErrNotFound if the database
// is no backup.
func (db *DB) BackupNote() ([]byte, error) { return db.Get(metaKey(metaBackup)) }

// refuseBackup is what Open ends with.
func (db *DB) refuseBackup(opts Options) error {
	if opts.ReadOnly || opts.allowBackup {
		return nil
	}
	_, err := db.BackupNote()
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look for a backup's note: %w", err)
	}
	return ErrBackup
}
