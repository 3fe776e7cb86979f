package storagetest

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrInjected is the error of an operation that was made to fail.
var ErrInjected = errors.New("injected fault")

// Fault says what happens at the k-th operation that changes the disk.
type Fault struct {
	// At is the number of the operation, counted from 1; 0 means never.
	At int
	// Persisted has the operation done before it is reported to have failed, as
	// happens when a disk answers late. Otherwise it is not done.
	Persisted bool
	// Once lets all later operations succeed, so that a program that goes on
	// regardless, or tries again, is found out. Otherwise they all fail and
	// leave no trace, as after a crash.
	Once bool
}

// FaultFS is a file system in memory that remembers what was synced, and fails
// on purpose. Use [FaultFS.Crash] for what a machine would find after a crash.
type FaultFS struct {
	vfs.FS // the part that only reads
	mem    *vfs.MemFS

	mu    sync.Mutex
	fault Fault
	count int
}

// NewFaultFS returns an empty file system with that fault.
func NewFaultFS(fault Fault) *FaultFS {
	mem := vfs.NewCrashableMem()
	return &FaultFS{FS: mem, mem: mem, fault: fault}
}

// Ops is how many operations that change the disk were tried so far.
func (f *FaultFS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// SetFault replaces the fault. At counts from the first operation ever.
func (f *FaultFS) SetFault(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// Crash returns the disk as it is after a crash at this moment: what was synced
// is there, and of the rest each block with a chance of that many percent.
func (f *FaultFS) Crash(percent int, seed uint64) *FaultFS {
	mem := f.mem.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 0)),
	})
	return &FaultFS{FS: mem, mem: mem}
}

// do runs a changing operation, or fails it.
func (f *FaultFS) do(op func() error) error {
	f.mu.Lock()
	f.count++
	fault, n := f.fault, f.count
	f.mu.Unlock()
	switch {
	case fault.At == 0 || n < fault.At || n > fault.At && fault.Once:
		return op()
	case n == fault.At && fault.Persisted:
		return errors.Join(ErrInjected, op())
	}
	return ErrInjected
}

// Create implements [vfs.FS].
func (f *FaultFS) Create(name string, c vfs.DiskWriteCategory) (file vfs.File, err error) {
	err = f.do(func() (err error) { file, err = f.mem.Create(name, c); return err })
	return f.wrap(file, err)
}

// OpenReadWrite implements [vfs.FS].
func (f *FaultFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (file vfs.File, err error) {
	file, err = f.mem.OpenReadWrite(name, c, o...)
	return f.wrap(file, err)
}

// OpenDir implements [vfs.FS]. A folder is opened to be synced.
func (f *FaultFS) OpenDir(name string) (vfs.File, error) {
	return f.wrap(f.mem.OpenDir(name))
}

// ReuseForWrite implements [vfs.FS].
func (f *FaultFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (file vfs.File, err error) {
	err = f.do(func() (err error) { file, err = f.mem.ReuseForWrite(old, name, c); return err })
	return f.wrap(file, err)
}

// Link implements [vfs.FS].
func (f *FaultFS) Link(old, name string) error {
	return f.do(func() error { return f.mem.Link(old, name) })
}

// Remove implements [vfs.FS].
func (f *FaultFS) Remove(name string) error {
	return f.do(func() error { return f.mem.Remove(name) })
}

// RemoveAll implements [vfs.FS].
func (f *FaultFS) RemoveAll(name string) error {
	return f.do(func() error { return f.mem.RemoveAll(name) })
}

// Rename implements [vfs.FS].
func (f *FaultFS) Rename(old, name string) error {
	return f.do(func() error { return f.mem.Rename(old, name) })
}

// MkdirAll implements [vfs.FS].
func (f *FaultFS) MkdirAll(name string, perm os.FileMode) error {
	return f.do(func() error { return f.mem.MkdirAll(name, perm) })
}

// Unwrap implements [vfs.FS].
func (f *FaultFS) Unwrap() vfs.FS { return f.mem }

func (f *FaultFS) wrap(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f}, nil
}

// faultFile is a file that may be written or synced.
type faultFile struct {
	vfs.File
	fs *FaultFS
}

func (f *faultFile) Write(p []byte) (n int, err error) {
	err = f.fs.do(func() (err error) { n, err = f.File.Write(p); return err })
	return n, err
}

func (f *faultFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.fs.do(func() (err error) { n, err = f.File.WriteAt(p, at); return err })
	return n, err
}

func (f *faultFile) Sync() error     { return f.fs.do(f.File.Sync) }
func (f *faultFile) SyncData() error { return f.fs.do(f.File.SyncData) }

func (f *faultFile) SyncTo(n int64) (full bool, err error) {
	err = f.fs.do(func() (err error) { full, err = f.File.SyncTo(n); return err })
	return full, err
}
