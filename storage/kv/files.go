package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrHurt says that a file of the database was changed since it was written, so
// that opening it would drop what was promised to be durable.
var ErrHurt = errors.New("a file is damaged")

// FileDamage says which file of a database is hurt.
type FileDamage struct {
	File   string // its name in the directory of the database
	Holds  string // what is in it, in a few words
	Detail string
	// Torn is set where a write that a crash cut off would look the same, which
	// is harmless: it was not acknowledged.
	Torn bool
}

func (d *FileDamage) Error() string { return fmt.Sprintf("%s (%s): %s", d.File, d.Holds, d.Detail) }

// CheckLogs reads the write-ahead logs and the manifest in dir and returns those
// that do not verify to their end, or that are gone. The database may be open or
// not, as long as nothing is written to it. Only the file system of opts counts.
func CheckLogs(dir string, opts Options) ([]FileDamage, error) {
	fsys := withDefaults(opts).FS
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("check files in %s: %w", dir, err)
	}
	marks, hurt, err := readMarks(dir, fsys)
	if err != nil {
		return nil, fmt.Errorf("check files: %w", err)
	}
	var found []FileDamage
	if hurt > 0 {
		found = append(found, FileDamage{File: marksName, Holds: "notes of what was synced", Torn: true, Detail: fmt.Sprintf("%d notes do not verify: a log that lost its end may go unnoticed", hurt)})
	}
	for _, m := range marks {
		if name := fmt.Sprintf("%06d.log", m.number); m.kind == kindWAL && !slices.Contains(names, name) {
			found = append(found, FileDamage{File: name, Holds: holdsWAL, Detail: fmt.Sprintf("is gone, with %d bytes that were synced", m.synced)})
		}
	}
	for _, name := range names {
		id, holds := logNumber(name, names)
		if holds == "" {
			continue
		}
		data, err := readFile(fsys, fsys.PathJoin(dir, name))
		if err != nil {
			return nil, fmt.Errorf("check files: %w", err)
		}
		if d := judgeLog(data, id, marks); d != nil {
			d.File, d.Holds = name, holds
			found = append(found, *d)
		}
	}
	return found, nil
}

// judgeLog returns what is wrong with a log, if anything is.
func judgeLog(data []byte, id logID, marks []mark) *FileDamage {
	var number uint32 // 0 for the manifest
	closing := 0      // bytes that close a log and say nothing: nothing is lost with them
	if id.kind == kindWAL {
		number, closing = uint32(id.number), logHeader
	}
	at, clean := verifiedEnd(data, number)
	for _, m := range marks {
		if m.logID == id && uint64(at+closing) < m.synced {
			return &FileDamage{Detail: fmt.Sprintf("does not verify at byte %d, although it was synced up to byte %d: rows from there on are lost to the database", at, m.synced)}
		}
	}
	if clean {
		return nil
	}
	switch judgeTail(data, at, number) {
	case endHurt:
		return &FileDamage{Detail: fmt.Sprintf("does not verify at byte %d, although what follows does: rows from there on are lost to the database", at)}
	case endTorn:
		return &FileDamage{Torn: true, Detail: fmt.Sprintf("its last record, at byte %d, does not verify: cut off by a crash, which loses nothing acknowledged, or damaged since", at)}
	}
	return nil
}

const holdsWAL = "write-ahead log"

// logNumber returns the number of a write-ahead log, or of the manifest that is
// in use, and what such a file holds, or "" if it is neither.
func logNumber(name string, all []string) (id logID, holds string) {
	id = logIDOf(name)
	if id.kind == kindWAL {
		return id, holdsWAL
	}
	for _, other := range all {
		if id.kind == kindManifest && strings.HasPrefix(other, "marker.manifest.") && strings.HasSuffix(other, "."+name) {
			return id, "list of tables"
		}
	}
	return logID{}, ""
}

// checkLogs refuses to open a database that has certainly lost records which it
// promised to keep: opened, it would go on from an older state.
func checkLogs(dir string, opts Options) error {
	found, err := CheckLogs(dir, opts)
	if err != nil {
		return err
	}
	for _, d := range found {
		if !d.Torn {
			return fmt.Errorf("%w: %w", ErrHurt, &d)
		}
		opts.Logger.Warn("file does not verify to its end", "file", d.File, "detail", d.Detail)
	}
	return nil
}

// CheckTables reads every block of every table in use and returns the tables of
// which one does not verify, and how many there are.
func (db *DB) CheckTables(ctx context.Context) (found []FileDamage, tables int, err error) {
	levels, err := db.pebble.SSTables()
	if err != nil {
		return nil, 0, fmt.Errorf("list tables: %w", err)
	}
	for _, level := range levels {
		for _, t := range level {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			tables++
			name := fmt.Sprintf("%s.sst", t.BackingSSTNum)
			if err := checkTable(ctx, db.fs, db.fs.PathJoin(db.dir, name)); err != nil {
				found = append(found, FileDamage{File: name, Holds: holds(t.Smallest.UserKey, t.Largest.UserKey), Detail: err.Error()})
			}
		}
	}
	return found, tables, nil
}

// CheckTableFiles is [DB.CheckTables] for a database that cannot be opened. It
// reads every table in dir, in use or not.
func CheckTableFiles(ctx context.Context, dir string, opts Options) (found []FileDamage, tables int, err error) {
	fsys := withDefaults(opts).FS
	names, err := fsys.List(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("list tables: %w", err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		tables++
		if err := checkTable(ctx, fsys, fsys.PathJoin(dir, name)); err != nil {
			found = append(found, FileDamage{File: name, Holds: "table", Detail: err.Error()})
		}
	}
	return found, tables, ctx.Err()
}

func checkTable(ctx context.Context, fsys vfs.FS, path string) (err error) {
	file, err := fsys.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	return checkBlocks(ctx, readable)
}

func checkBlocks(ctx context.Context, readable objstorage.Readable) (err error) {
	defer func() {
		// A table may be hurt in a way that its reader does not expect.
		if cause := recover(); cause != nil {
			err = fmt.Errorf("its reader gave up: %v", cause)
		}
	}()
	r, err := sstable.NewReader(ctx, readable, pebbleReader())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return r.ValidateBlockChecksums()
}

func pebbleReader() sstable.ReaderOptions {
	po := new(pebble.Options)
	po.EnsureDefaults()
	return po.MakeReaderOptions()
}

// kinds names the rows under each prefix, for people.
var kinds = map[byte]string{
	prefixMeta: "settings", prefixTree: "tree state", prefixEntries: "entries", prefixHashes: "tiles",
	prefixCheckpoint: "latest checkpoints", prefixPublished: "published checkpoints", prefixBody: "bodies",
	prefixBodyKey: "body keys", prefixErased: "notes of erasures", prefixIdentity: "index of receipts",
	prefixRun: "index of runs", prefixIssuer: "index of issuers", prefixOrg: "organisations", prefixHandle: "handles",
	prefixGoverning: "rules and holds", prefixUnheard: "unpublished rules", prefixDue: "dates of erasure", prefixPending: "pending erasures",
	prefixScrub: "pending scrubs", prefixReview: "reviews", prefixSighting: "sightings of issuers", prefixErasedRun: "index of erased runs",
	prefixAPIKey: "API keys", prefixUse: "uses of API keys", prefixAct: "administrative acts",
	prefixPosting: "search index", prefixLogged: "search index", prefixSpan: "search index",
}

// holds says what kinds of rows there are from one key to another.
func holds(from, to []byte) string {
	if len(from) == 0 || len(to) == 0 {
		return "table"
	}
	first, last := kind(from[0]), kind(to[0])
	if first == last {
		return "table of " + first
	}
	return "table of " + first + " to " + last
}

func kind(prefix byte) string {
	if name, ok := kinds[prefix]; ok {
		return name
	}
	return fmt.Sprintf("rows under %q", prefix)
}

func readFile(fsys vfs.FS, path string) (data []byte, err error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(f)
}
