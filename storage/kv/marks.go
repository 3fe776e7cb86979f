package kv

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// A log that ends early looks the same whether a crash cut off its last write or
// something has hurt it since: the library takes either for the end, and drops
// what was acknowledged. So it is noted beside the logs how far each was synced.
// A note is written after the sync it speaks of, so it never says too much; it is
// not synced itself, so it costs no more than a write to memory, and after a
// power cut may say too little. A process that is killed leaves it exact.
//
// The notes are one file of 64 slots, each 64 bytes and so within one sector:
//
//	crc 4, kind 1 ('w' or 'm'), number 8, synced 8, zeros
//
// with little-endian integers, and the crc (Castagnoli) over all that follows it
// in the slot. A free slot is zero. Before a write-ahead log is removed its slot
// is cleared, and that is synced: a log that has a note and is not there is lost.
const (
	marksName = "SYNCED"
	slotBytes = 64
	slots     = 64 // a dozen are in use: memTablesBeforeStop logs, and some on their way out

	kindWAL      = 'w'
	kindManifest = 'm'
)

// logID names a file of which notes are kept.
type logID struct {
	kind   byte
	number uint64
}

// logIDOf returns the zero logID for any other file.
func logIDOf(base string) logID {
	if n, _, ok := wal.ParseLogFilename(base); ok {
		return logID{kindWAL, uint64(n)}
	}
	if digits, ok := strings.CutPrefix(base, "MANIFEST-"); ok {
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return logID{kindManifest, n}
		}
	}
	return logID{}
}

// mark is how many bytes of a file were synced.
type mark struct {
	logID
	synced uint64
}

func (m mark) encode() []byte {
	slot := make([]byte, slotBytes)
	slot[4] = m.kind
	binary.LittleEndian.PutUint64(slot[5:], m.number)
	binary.LittleEndian.PutUint64(slot[13:], m.synced)
	binary.LittleEndian.PutUint32(slot, chunkCRC(slot[4:]))
	return slot
}

// parseMarks reads the notes. Slots that are neither free nor whole are counted.
func parseMarks(data []byte) (marks []mark, hurt int) {
	for i := 0; i < slots*slotBytes; i += slotBytes {
		if i+slotBytes > len(data) {
			return marks, hurt + 1
		}
		slot := data[i : i+slotBytes]
		m := mark{logID{slot[4], binary.LittleEndian.Uint64(slot[5:])}, binary.LittleEndian.Uint64(slot[13:])}
		switch {
		case zero(slot):
		case slices.Equal(slot, m.encode()) && (m.kind == kindWAL || m.kind == kindManifest):
			marks = append(marks, m)
		default:
			hurt++
		}
	}
	return marks, hurt
}

// readMarks reads the notes in dir. A database of before there were notes has
// none.
func readMarks(dir string, fsys vfs.FS) (marks []mark, hurt int, err error) {
	data, err := readFile(fsys, fsys.PathJoin(dir, marksName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil, 0, nil // empty: it was being made
	} else if err != nil {
		return nil, 0, err
	}
	marks, hurt = parseMarks(data)
	return marks, hurt, nil
}

// marksFile takes notes while the database is open. It is safe for concurrent
// use.
type marksFile struct {
	mu    sync.Mutex
	file  vfs.File
	inUse [slots]logID
	warn  func(error) // a note could not be written
}

// openMarks opens the notes in dir, or makes the file. Only notes of files that
// are there are kept.
func openMarks(dir string, fsys vfs.FS, warn func(error)) (m *marksFile, err error) {
	marks, _, err := readMarks(dir, fsys)
	if err != nil {
		return nil, fmt.Errorf("read notes of what was synced: %w", err)
	}
	names, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	m = &marksFile{warn: warn}
	data := make([]byte, slots*slotBytes)
	kept := 0
	for _, note := range marks {
		if slices.ContainsFunc(names, func(name string) bool { return logIDOf(name) == note.logID }) {
			m.inUse[kept] = note.logID
			copy(data[kept*slotBytes:], note.encode())
			kept++
		}
	}
	if m.file, err = fsys.OpenReadWrite(fsys.PathJoin(dir, marksName), vfs.WriteCategoryUnspecified); err != nil {
		return nil, fmt.Errorf("open notes of what was synced: %w", err)
	}
	if _, err = m.file.WriteAt(data, 0); err == nil {
		err = m.file.Sync()
	}
	if err == nil {
		err = syncFolder(dir, fsys)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write notes of what was synced: %w", err), m.file.Close())
	}
	return m, nil
}

func syncFolder(dir string, fsys vfs.FS) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// note writes down what has been synced. A note that cannot be written is only
// one the less: what it would have said is true all the same.
func (m *marksFile) note(id logID, synced uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.file.WriteAt(mark{id, synced}.encode(), int64(m.slot(id)*slotBytes)); err != nil && m.warn != nil {
		m.warn(err)
		m.warn = nil // once is enough
	}
}

// slot returns where the note of a file stands. If no slot is free the oldest
// file has to do without.
func (m *marksFile) slot(id logID) int {
	for _, want := range []logID{id, {}} {
		if i := slices.Index(m.inUse[:], want); i >= 0 {
			m.inUse[i] = id
			return i
		}
	}
	oldest := slices.MinFunc(m.inUse[:], func(a, b logID) int { return cmp.Compare(a.number, b.number) })
	i := slices.Index(m.inUse[:], oldest)
	m.inUse[i] = id
	return i
}

// forget clears the note of a file that is about to be removed, durably.
func (m *marksFile) forget(id logID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.inUse[:], id)
	if i < 0 {
		return nil
	}
	if _, err := m.file.WriteAt(make([]byte, slotBytes), int64(i*slotBytes)); err != nil {
		return err
	}
	if err := m.file.Sync(); err != nil {
		return err
	}
	m.inUse[i] = logID{}
	return nil
}

func (m *marksFile) close() error { return m.file.Close() }
