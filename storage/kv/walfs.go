package kv

import (
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walFS watches the write-ahead log and the folder for failures.
//
// A failure is noted before Pebble hears of it, so that no later call gets in.
// And there is one place, the change from one log file to the next, where Pebble
// answers a failure with a panic that no caller can recover, because it unwinds
// through a mutex that is not held. There the goroutine is parked instead: the
// database has failed, and whoever waits for it has been told.
type walFS struct {
	vfs.FS
	fatal *fatal
}

// Unwrap implements [vfs.FS].
func (w *walFS) Unwrap() vfs.FS { return w.FS }

// Create implements [vfs.FS].
func (w *walFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := w.FS.Create(name, c)
	if !isWAL(name) {
		return file, err
	}
	return w.watch(file, err)
}

// ReuseForWrite implements [vfs.FS].
func (w *walFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := w.FS.ReuseForWrite(old, name, c)
	if !isWAL(name) {
		return file, err
	}
	return w.watch(file, err)
}

// OpenDir implements [vfs.FS].
func (w *walFS) OpenDir(name string) (vfs.File, error) {
	file, err := w.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &walFile{File: file, fs: w}, nil
}

func (w *walFS) watch(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, w.report(err)
	}
	return &walFile{File: file, fs: w}, nil
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
