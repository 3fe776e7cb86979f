package kv

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FormatVersion is the version of the key table and of the values under it. It
// is recorded at creation; a database of another version is not opened.
const FormatVersion = "receiptlog/1"

// Errors of Open that a caller branches on.
var (
	ErrExists   = errors.New("there is a database already")
	ErrNotExist = errors.New("there is no database")
	ErrLocked   = errors.New("another process has it open")
	ErrOrigin   = errors.New("the database belongs to another origin")
	ErrVersion  = errors.New("the database has another format version")
)

// ErrNotFound is returned by Get for a key that is not there.
var ErrNotFound = errors.New("not found")

// Names of the settings under prefixMeta.
const (
	metaVersion = "version"
	metaOrigin  = "origin"
	metaSecret  = "secret"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dir    string
	fs     vfs.FS
	pebble *pebble.DB
	lock   *pebble.Lock
	fatal  *fatal
	marks  *marksFile // nil if ReadOnly

	origin string
	secret [32]byte

	committer *committer
	closing   sync.Once
}

// Open opens the database in dir, or creates it where opts say so. It holds an
// exclusive lock on dir until Close. Errors that a caller can do something
// about are ErrExists, ErrNotExist, ErrLocked, ErrOrigin, ErrVersion,
// ErrHurt and ErrBackup.
func Open(dir string, opts Options) (*DB, error) {
	opts = withDefaults(opts)
	if opts.Create && opts.Origin == "" {
		return nil, errors.New("create database: an origin is required")
	}
	if err := checkPresence(dir, opts); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir, opts.FS)
	if err != nil {
		return nil, err
	}
	if !opts.ReadOnly { // who only reads makes nothing worse
		if err := checkLogs(dir, opts); err != nil {
			return nil, errors.Join(fmt.Errorf("open database in %s: %w", dir, err), lock.Close())
		}
	}
	db := &DB{dir: dir, fs: opts.FS, lock: lock, fatal: newFatal(opts)}
	if err := db.open(opts); err != nil {
		return nil, errors.Join(fmt.Errorf("open database in %s: %w", dir, err), lock.Close())
	}
	return db, nil
}

func (db *DB) open(opts Options) error {
	if err := db.openMarks(opts); err != nil {
		return err
	}
	opts.FS = &walFS{FS: opts.FS, dir: db.dir, fatal: db.fatal, marks: db.marks}
	po := pebbleOptions(opts, db.fatal.events(), db.fatal)
	po.Lock = db.lock
	db.fatal.opening.Store(true)
	err := db.fatal.guard(func() (err error) {
		db.pebble, err = pebble.Open(db.dir, po)
		return err
	})
	db.fatal.opening.Store(false)
	if err != nil {
		return errors.Join(err, db.closeMarks())
	}
	db.committer = newCommitter(db.fatal, db.pebble)
	if err := db.Guard(func() error { return db.checkMeta(opts) }); err != nil {
		return errors.Join(err, db.closePebble())
	}
	return nil
}

// checkMeta finds out whether the database is the one that opts ask for.
func (db *DB) checkMeta(opts Options) error {
	if opts.Create {
		if err := db.writeMeta(opts.Origin); err != nil {
			return err
		}
	}
	if err := db.readMeta(opts.Origin); err != nil {
		return err
	}
	return db.refuseBackup(opts)
}

func (db *DB) openMarks(opts Options) (err error) {
	if !opts.ReadOnly {
		db.marks, err = openMarks(db.dir, opts.FS, func(err error) {
			opts.Logger.Error("no note of what was synced; damage to the end of a log may go unnoticed", "err", err)
		})
	}
	return err
}

func (db *DB) closeMarks() error {
	if db.marks == nil || db.Err() != nil { // Pebble may still be about to note something
		return nil
	}
	return db.marks.close()
}

func withDefaults(o Options) Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = DefaultMemTableBytes
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	return o
}

// checkPresence makes sure that nothing is created unasked, not even a folder.
func checkPresence(dir string, opts Options) error {
	desc, err := pebble.Peek(dir, opts.FS)
	missing := errors.Is(err, fs.ErrNotExist) || err == nil && !desc.Exists
	switch {
	case missing && !opts.Create:
		return fmt.Errorf("open database in %s: %w", dir, ErrNotExist)
	case missing:
		if err := opts.FS.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create database in %s: %w", dir, err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("open database in %s: %w", dir, err)
	}
	return nil
}

func lockDir(dir string, fsys vfs.FS) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fsys)
	if err != nil {
		return nil, fmt.Errorf("open database in %s: %w: %w", dir, ErrLocked, err)
	}
	return lock, nil
}

// writeMeta records what a database is, in one synced batch: a crash before
// leaves an empty database that Create may take up again.
func (db *DB) writeMeta(origin string) error {
	if _, err := db.Get(metaKey(metaVersion)); !errors.Is(err, ErrNotFound) {
		return errors.Join(ErrExists, err)
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails: crypto/rand ends the process instead
	b := db.NewBatch()
	b.Set(metaKey(metaVersion), []byte(FormatVersion))
	b.Set(metaKey(metaOrigin), []byte(origin))
	b.Set(metaKey(metaSecret), secret[:])
	return b.Commit(true)
}

func (db *DB) readMeta(origin string) error {
	version, err := db.Get(metaKey(metaVersion))
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: its creation was not finished", ErrNotExist)
	} else if err != nil {
		return err
	}
	if string(version) != FormatVersion {
		return fmt.Errorf("%w: it has %q, this program knows %q", ErrVersion, version, FormatVersion)
	}
	recorded, err := db.Get(metaKey(metaOrigin))
	if err != nil {
		return fmt.Errorf("read origin: %w", err)
	}
	if origin != "" && origin != string(recorded) {
		return fmt.Errorf("%w: it is of %q, not %q", ErrOrigin, recorded, origin)
	}
	secret, err := db.Get(metaKey(metaSecret))
	if err != nil || len(secret) != len(db.secret) {
		return fmt.Errorf("read secret of %d bytes: %w", len(secret), err)
	}
	db.origin = string(recorded)
	copy(db.secret[:], secret)
	return nil
}

func metaKey(name string) []byte { return append([]byte{prefixMeta}, name...) }

// Origin is what the database was created for.
func (db *DB) Origin() string { return db.origin }

// Secret is 32 random bytes made when the database was created. Package index
// keys its hashes with it. It must not be logged or leave the process.
func (db *DB) Secret() [32]byte { return db.secret }

// Dir is the directory of the database.
func (db *DB) Dir() string { return db.dir }

// Close releases the lock after everything is written. Nothing may be running or
// be called afterwards. After a failure Close only releases the lock: what the
// library holds in memory must not be written any more.
func (db *DB) Close() (err error) {
	db.closing.Do(func() { err = errors.Join(db.closePebble(), db.lock.Close()) })
	return err
}

func (db *DB) closePebble() error {
	if db.Err() != nil {
		return nil // it was reported, and Close cannot make it better
	}
	db.committer.close()
	return errors.Join(db.fatal.guard(db.pebble.Close), db.closeMarks())
}
