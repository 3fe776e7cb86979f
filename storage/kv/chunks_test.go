package kv

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFile returns the latest write-ahead log of a database to which batches of
// these sizes were committed, one after the other, and its number. The database
// was opened before: the first log of all is of an older format.
func logFile(t testing.TB, closed bool, sizes ...int) (data []byte, log uint32) {
	t.Helper()
	mem := vfs.NewCrashableMem()
	db, err := Open("db", Options{FS: mem, Create: true, Origin: "test"})
	if err == nil {
		err = db.Close()
	}
	if err == nil {
		db, err = Open("db", Options{FS: mem})
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range sizes {
		b := db.NewBatch()
		b.Set(fmt.Append(nil, "x", i), []byte(strings.Repeat("v", size)))
		if err := b.Commit(true); err != nil {
			t.Fatal(err)
		}
	}
	fs := vfs.FS(mem)
	if !closed {
		fs = mem.CrashClone(vfs.CrashCloneCfg{})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if id, holds := logNumber(name, names); holds == holdsWAL && uint32(id.number) > log {
			if data, err = readFile(fs, fs.PathJoin("db", name)); err != nil {
				t.Fatal(err)
			}
			log = uint32(id.number)
		}
	}
	return data, log
}

// Every bit that flips in a log is noticed; and in the first block, where the
// library's promises are exact, it is known not to come from a crash.
func TestEveryBitOfALog(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 8
	}
	for _, closed := range []bool{true, false} {
		data, log := logFile(t, closed, 10, 100, 40_000, 3, 70_000, 8, 9)
		if at, e := scanLog(data, log); e != endClean {
			t.Fatalf("closed %v: a sound log ends at %d of %d as %d", closed, at, len(data), e)
		}
		last := len(data) - 200 // of the first block all, of the rest the ends of payloads
		for i := rand.IntN(step); i < len(data); i += step {
			if i > 500 && i < last && i%chunkBlock > 100 && i%97 != 0 {
				continue // the middle of a payload is like any other
			}
			bit := byte(1) << rand.IntN(8)
			data[i] ^= bit
			at, e := scanLog(data, log)
			if e == endClean || e == endTorn && i < chunkBlock {
				t.Fatalf("closed %v: byte %d of %d is hurt, and the log ends at %d as %d", closed, i, len(data), at, e)
			}
			data[i] ^= bit
		}
	}
}

// A log that is cut off anywhere may come from a crash: never is it called hurt.
func TestCutLogIsNotCalledHurt(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 8
	}
	data, log := logFile(t, false, 10, 100, 40_000, 3, 70_000, 8, 9)
	for n := 0; n < len(data); n += step * (1 + n%89) {
		if at, e := scanLog(data[:n], log); e == endHurt {
			t.Fatalf("cut to %d of %d: called hurt at %d", n, len(data), at)
		}
		cut := append([]byte(nil), data...)
		clear(cut[n:]) // room was allocated and not written
		if at, e := scanLog(cut, log); e == endHurt {
			t.Fatalf("zero from %d of %d on: called hurt at %d", n, len(data), at)
		}
	}
}

// What an older log left in a file that is used again is not taken for damage.
func TestRecycledLog(t *testing.T) {
	old, _ := logFile(t, false, 10, 100, 40_000, 3, 70_000)
	data, log := logFile(t, false, 10, 20)
	for i := 0; i+len(data) < len(old); i += 997 {
		both := append(append([]byte(nil), data...), old[len(data)+i/997:]...)
		if at, e := scanLog(both, log+1); e == endHurt { // neither is of that number
			t.Fatalf("shift %d: called hurt at %d", i, at)
		}
	}
}

func FuzzScanLog(f *testing.F) {
	data, log := logFile(f, true, 10, 100, 3000)
	f.Add(data, log)
	f.Add(data[:len(data)/2], log)
	f.Add(data, uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, log uint32) {
		if at, _ := scanLog(data, log); at > len(data)+chunkBlock {
			t.Errorf("ends at %d of %d", at, len(data))
		}
	})
}
