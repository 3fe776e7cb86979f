package kv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// killed returns the disk of a database that was killed after these batches were
// committed, each of one row of that size, and with a memtable of that size. What
// the process had written and not synced is there: that is what a kill leaves.
func killed(t testing.TB, memTable uint64, sizes ...int) *vfs.MemFS {
	t.Helper()
	mem := vfs.NewCrashableMem()
	db, err := Open("db", Options{FS: mem, Create: true, Origin: "test"})
	if err == nil {
		err = db.Close()
	}
	if err == nil { // the first log of all is of an older format
		db, err = Open("db", Options{FS: mem, MemTableBytes: memTable})
	}
	for i, size := range sizes {
		if err != nil {
			break
		}
		b := db.NewBatch()
		b.Set(rowKey(i), []byte(strings.Repeat("v", size)))
		err = b.Commit(true)
	}
	if err != nil {
		t.Fatal(err)
	}
	disk := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return disk
}

func rowKey(i int) []byte { return fmt.Append(nil, "x", i) }

// lost says what a database on that disk does without: nothing, which is well,
// ErrHurt, which is too, or rows.
func lost(disk *vfs.MemFS, rows int) error {
	if err := checkLogs("db", withDefaults(Options{FS: disk})); err != nil {
		return err
	}
	clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	db, err := Open("db", Options{FS: clone})
	if err != nil {
		return err
	}
	for i := range rows {
		if _, err := db.Get(rowKey(i)); err != nil {
			return errors.Join(fmt.Errorf("row %d: %w", i, err), db.Close())
		}
	}
	return db.Close()
}

func logNames(t testing.TB, disk *vfs.MemFS) (logs []string) {
	t.Helper()
	names, err := disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, holds := logNumber(name, names); holds != "" {
			logs = append(logs, name)
		}
	}
	return logs
}

// change replaces the content of a file, and returns a function that puts it
// back.
func change(t testing.TB, disk *vfs.MemFS, name string, data []byte) (undo func()) {
	t.Helper()
	before := content(t, disk, name)
	write(t, disk, name, data)
	return func() { write(t, disk, name, before) }
}

func write(t testing.TB, disk *vfs.MemFS, name string, data []byte) {
	t.Helper()
	f, err := disk.Create(disk.PathJoin("db", name), vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(bytes.Clone(data)) // under test the file system may scribble on what it is given
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func noted(t testing.TB, disk *vfs.MemFS, name string) bool {
	t.Helper()
	marks, _, err := readMarks("db", disk)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(marks, func(m mark) bool { return m.kind == kindWAL && m.logID == logIDOf(name) })
}

func content(t testing.TB, disk *vfs.MemFS, name string) []byte {
	t.Helper()
	data, err := readFile(disk, disk.PathJoin("db", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever bit flips in whichever log, also in the last record of all: a database
// that lost a row that was durable is not opened.
func TestNoBitOfALogLosesARow(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 6
	}
	sizes := []int{10, 100, 40_000, 3, 70_000, 8, 33_000, 9}
	disk := killed(t, 0, sizes...)
	if err := lost(disk, len(sizes)); err != nil {
		t.Fatal(err)
	}
	flips, refused := 0, 0
	for _, name := range logNames(t, disk) {
		data := content(t, disk, name)
		for i := rand.IntN(step); i < len(data); i += step {
			if i > 60 && i%chunkBlock > 40 && i < len(data)-100 && i%1009 != 0 {
				continue // the middle of a payload is like any other
			}
			data[i] ^= 1 << rand.IntN(8)
			undo := change(t, disk, name, data)
			flips++
			switch err := lost(disk, len(sizes)); {
			case errors.Is(err, ErrHurt):
				refused++
			case err != nil:
				t.Fatalf("%s: byte %d of %d is hurt: %v", name, i, len(data), err)
			}
			undo()
			data = content(t, disk, name)
		}
	}
	if refused < flips/2 {
		t.Errorf("of %d flips only %d are in what was synced", flips, refused)
	}
}

// A log that lost its end, or is gone, is noticed wherever the cut is; a note
// that is itself hurt takes nothing away but this.
func TestNoCutOfALogLosesARow(t *testing.T) {
	sizes := []int{10, 100, 40_000, 3, 70_000, 8, 9}
	disk := killed(t, 0, sizes...)
	gone := 0
	for _, name := range logNames(t, disk) {
		data := content(t, disk, name)
		for n := 0; n < len(data); n += 1 + n%4001 {
			for _, cut := range [][]byte{data[:n], append(slices.Clone(data[:n]), make([]byte, len(data)-n)...)} {
				undo := change(t, disk, name, cut)
				if err := lost(disk, len(sizes)); err != nil && !errors.Is(err, ErrHurt) {
					t.Fatalf("%s: cut to %d of %d: %v", name, n, len(data), err)
				}
				undo()
			}
		}
		if !noted(t, disk, name) {
			continue // the manifest, or a log that was being removed
		}
		gone++
		if err := disk.Remove(disk.PathJoin("db", name)); err != nil {
			t.Fatal(err)
		}
		if err := lost(disk, len(sizes)); !errors.Is(err, ErrHurt) || !strings.Contains(err.Error(), "is gone") {
			t.Errorf("%s is gone: %v", name, err)
		}
		write(t, disk, name, data)
	}
	if gone == 0 {
		t.Error("no log could be taken away")
	}
	notes := content(t, disk, marksName)
	for i := 0; i < len(notes); i += 1 + i/slotBytes {
		hurt := slices.Clone(notes)
		hurt[i] ^= 1 << rand.IntN(8)
		undo := change(t, disk, marksName, hurt)
		if found, err := CheckLogs("db", Options{FS: disk}); err != nil || len(found) != 1 || found[0].File != marksName || !found[0].Torn {
			t.Fatalf("byte %d of the notes is hurt: found %v, %v", i, found, err)
		}
		undo()
	}
}

// Notes are kept of the logs that are there and of no others, however many came
// and went.
func TestMarksFollowTheLogs(t *testing.T) {
	mem := vfs.NewCrashableMem()
	db, err := Open("db", Options{FS: mem, Create: true, Origin: "test", MemTableBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		b := db.NewBatch()
		b.Set(rowKey(i), []byte(strings.Repeat("v", 10_000)))
		if err := b.Commit(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	marks, hurt, err := readMarks("db", mem)
	if err != nil || hurt > 0 || len(marks) > memTablesBeforeStop+2 {
		t.Errorf("%d notes, %d of them hurt: %v", len(marks), hurt, err)
	}
	for _, m := range marks {
		if m.kind == kindWAL && !slices.Contains(logNames(t, mem), fmt.Sprintf("%06d.log", m.number)) {
			t.Errorf("there is a note of log %d, which is not there", m.number)
		}
	}
	if err := lost(mem, 300); err != nil {
		t.Error(err)
	}
}

// When every slot is taken, the oldest log has to do without a note.
func TestMarksSlots(t *testing.T) {
	mem := vfs.NewMem()
	if err := mem.MkdirAll("db", 0o700); err != nil {
		t.Fatal(err)
	}
	m, err := openMarks("db", mem, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(slots + 3) {
		m.note(logID{kindWAL, n + 1}, n)
		m.note(logID{kindWAL, n + 1}, 2*n)
	}
	if err := errors.Join(m.forget(logID{kindWAL, 10}), m.forget(logID{kindWAL, 1}), m.close()); err != nil {
		t.Fatal(err)
	}
	marks, hurt, err := readMarks("db", mem)
	if err != nil || hurt > 0 || len(marks) != slots-1 {
		t.Fatalf("%d notes, %d hurt, %v", len(marks), hurt, err)
	}
	for _, m := range marks {
		if m.number < 4 || m.number == 10 || m.synced != 2*(m.number-1) {
			t.Errorf("note %+v", m)
		}
	}
}

func FuzzParseMarks(f *testing.F) {
	whole := make([]byte, slots*slotBytes)
	copy(whole[3*slotBytes:], mark{logID{kindWAL, 7}, 1 << 40}.encode())
	f.Add(whole)
	f.Add(whole[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		marks, hurt := parseMarks(data)
		if len(marks)+hurt > slots {
			t.Errorf("%d notes and %d hurt", len(marks), hurt)
		}
		for _, m := range marks {
			if again, _ := parseMarks(append(m.encode(), make([]byte, (slots-1)*slotBytes)...)); len(again) != 1 || again[0] != m {
				t.Errorf("%+v reads as %+v", m, again)
			}
		}
	})
}

// Notes never say more than what a crash at that moment would leave, whatever
// part of what was not synced it leaves. At every change to the disk the notes as
// they are are put to logs that have lost all that was not synced; and the notes
// as they were synced to the logs as they are, of which some may be gone.
func TestMarksAreNeverAhead(t *testing.T) {
	mem := vfs.NewCrashableMem()
	crash := func(percent int) *vfs.MemFS {
		return mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(1, 1))})
	}
	looked := 0
	var mu sync.Mutex
	look := func(notesOf, logsOf int) {
		mu.Lock()
		defer mu.Unlock()
		for {
			before, err := readFile(crash(notesOf), "db/"+marksName)
			if err != nil || len(before) == 0 {
				return // not there yet
			}
			disk := crash(logsOf)
			if err := disk.MkdirAll("db", 0o700); err != nil {
				t.Error(err)
			}
			if after := content(t, crash(notesOf), marksName); !bytes.Equal(before, after) {
				continue // another goroutine was in between
			}
			looked++
			write(t, disk, marksName, before)
			if err := checkLogs("db", withDefaults(Options{FS: disk})); err != nil {
				t.Errorf("change %d, %d %% of the notes and %d %% of the logs: %v", looked, notesOf, logsOf, err)
			}
			return
		}
	}
	fsys := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && !t.Failed() {
			if look(100, 0); op.Kind == errorfs.OpRemove {
				look(0, 100)
			}
		}
		return nil
	}))
	opts := Options{FS: fsys, Create: true, Origin: "test", MemTableBytes: 64 << 10}
	for range 2 {
		db, err := Open("db", opts)
		if err != nil {
			t.Fatal(err)
		}
		opts.Create = false
		for i := range 40 {
			b := db.NewBatch()
			b.Set(rowKey(i), []byte(strings.Repeat("v", 5_000)))
			if err := b.Commit(i%3 > 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(db.Flush(), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if looked < 150 {
		t.Errorf("looked only %d times", looked)
	}
}
