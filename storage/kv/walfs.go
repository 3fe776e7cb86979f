package kv

import (
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walFS watches the write-ahead log and the folder for failures.
//
// A failure is noted before Pebble hears of it, so that no later call gets in.
// And there are three places where Pebble answers a failure with a panic that no
// caller can recover: the change from one log file to the next, because it unwinds
// through a mutex that is not held; the change from one manifest to the next,
// because it may happen on a goroutine of Pebble's; and opening, which closes what
// a compaction has just begun to use. There the goroutine is parked instead: the
// database has failed, and whoever waits for it has been told.
//
// It also notes how far each log was synced (marks.go).
type walFS struct {
	vfs.FS
	dir   string // of the database; in others, such as that of a backup, nothing is watched
	fatal *fatal
	marks *marksFile // nil if the database is opened to be read only
}

// Unwrap implements [vfs.FS].
func (w *walFS) Unwrap() vfs.FS { return w.FS }

// Create implements [vfs.FS].
func (w *walFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := w.FS.Create(name, c)
	if err == nil && w.idOf(name).kind == kindManifest {
		// The marker that names the manifest must not outlive a crash that the
		// manifest's own name does not.
		err = syncFolder(w.dir, w)
	}
	return w.watch(name, file, w.endOpening(err))
}

// ReuseForWrite implements [vfs.FS].
func (w *walFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := w.FS.ReuseForWrite(old, name, c)
	return w.watch(name, file, w.endOpening(err))
}

// Remove implements [vfs.FS].
func (w *walFS) Remove(name string) error {
	if id := w.idOf(name); id.kind != 0 && w.marks != nil {
		if err := w.marks.forget(id); err != nil {
			return w.endOpening(err)
		}
	}
	return w.endOpening(w.FS.Remove(name))
}

// Rename implements [vfs.FS].
func (w *walFS) Rename(old, name string) error { return w.endOpening(w.FS.Rename(old, name)) }

// endOpening does not return into Pebble's opening with the failure of a change.
func (w *walFS) endOpening(err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && within(opening) {
		_ = w.fatal.fail(err)
		select {}
	}
	return err
}

// OpenDir implements [vfs.FS].
func (w *walFS) OpenDir(name string) (vfs.File, error) {
	file, err := w.FS.OpenDir(name)
	if err != nil || w.FS.PathJoin(name) != w.FS.PathJoin(w.dir) {
		return file, err
	}
	return &walFile{File: file, fs: w}, nil
}

// idOf returns which log of this database a path is, if it is one.
func (w *walFS) idOf(path string) logID {
	if w.FS.PathDir(path) != w.FS.PathJoin(w.dir) {
		return logID{}
	}
	return logIDOf(w.FS.PathBase(path))
}

func (w *walFS) watch(name string, file vfs.File, err error) (vfs.File, error) {
	id := w.idOf(name)
	if err != nil && id.kind == kindWAL {
		return nil, w.report(err)
	} else if err != nil {
		return nil, err
	}
	if id.kind == kindWAL || within(opening) {
		file = &walFile{File: file, fs: w}
	}
	if id.kind != 0 && w.marks != nil {
		file = &markedFile{File: file, id: id, marks: w.marks}
	}
	return file, nil
}

// report enters the failed state if err is an error, and does not return to where
// Pebble would panic once the database has failed.
func (w *walFS) report(err error) error {
	if err != nil {
		_ = w.fatal.fail(err)
	}
	if w.fatal.get() != nil && within(rotation, moving, opening) {
		select {}
	}
	return err
}

// Functions of Pebble into which no failure is returned.
const (
	rotation = "pebble/v2.(*DB).rotateWAL"
	moving   = "atomicfs.(*Marker).Move"
	opening  = "pebble/v2.Open"
)

// within reports whether one of these functions runs on this goroutine.
func within(functions ...string) bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if slices.ContainsFunc(functions, func(f string) bool { return strings.HasSuffix(frame.Function, f) }) {
			return true
		}
		if !more {
			return false
		}
	}
}

func isWAL(name string) bool { return strings.HasSuffix(name, ".log") }

// walFile is a file of the write-ahead log, or the folder.
type walFile struct {
	vfs.File
	fs *walFS
}

func (f *walFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.report(err)
}

func (f *walFile) Sync() error     { return f.fs.report(f.File.Sync()) }
func (f *walFile) SyncData() error { return f.fs.report(f.File.SyncData()) }
func (f *walFile) Close() error    { return f.fs.report(f.File.Close()) }

func (f *walFile) SyncTo(length int64) (full bool, err error) {
	full, err = f.File.SyncTo(length)
	return full, f.fs.report(err)
}

// markedFile notes how far a log was synced, once that has returned.
type markedFile struct {
	vfs.File
	id      logID
	marks   *marksFile
	written atomic.Uint64
}

func (f *markedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.written.Add(uint64(n))
	return n, err
}

func (f *markedFile) Sync() error     { return f.noteAfter(f.File.Sync) }
func (f *markedFile) SyncData() error { return f.noteAfter(f.File.SyncData) }

func (f *markedFile) noteAfter(sync func() error) error {
	written := f.written.Load() // what is written meanwhile may not be synced
	err := sync()
	if err == nil {
		f.marks.note(f.id, written)
	}
	return err
}
