package kv

import (
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walFS watches the write-ahead log and the folder for failures.
//
// A failure is noted before Pebble hears of it, so that no later call gets in.
// And there is one place, the change from one log file to the next, where Pebble
// answers a failure with a panic that no caller can recover, because it unwinds
// through a mutex that is not held. There the goroutine is parked instead: the
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
	return w.watch(name, file, err)
}

// ReuseForWrite implements [vfs.FS].
func (w *walFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := w.FS.ReuseForWrite(old, name, c)
	return w.watch(name, file, err)
}

// Remove implements [vfs.FS].
func (w *walFS) Remove(name string) error {
	if id := w.idOf(name); id.kind != 0 && w.marks != nil {
		if err := w.marks.forget(id); err != nil {
			return err
		}
	}
	return w.FS.Remove(name)
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
	switch id := w.idOf(name); id.kind {
	case kindWAL:
		if err != nil {
			return nil, w.report(err)
		}
		file = &walFile{File: file, fs: w}
		fallthrough
	case kindManifest:
		if err == nil && w.marks != nil {
			file = &markedFile{File: file, id: id, marks: w.marks}
		}
	}
	return file, err
}

// report enters the failed state if err is an error, and does not return into a
// change of logs once the database has failed.
func (w *walFS) report(err error) error {
	if err != nil {
		_ = w.fatal.fail(err)
	}
	if w.fatal.get() != nil && withinRotation() {
		select {}
	}
	return err
}

// withinRotation reports whether Pebble is changing logs on this goroutine.
func withinRotation() bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "pebble/v2.(*DB).rotateWAL") {
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
