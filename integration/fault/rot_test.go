package fault

import (
	"bytes"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// report is what fsck --json prints, as far as these tests look at it.
type report struct {
	OK            bool
	ReceiptsSound int `json:"receiptsSound"`
	Receipts      int
	Damages       []struct{ What, Where, Detail string }
}

func (r *report) names(file string) bool {
	return slices.ContainsFunc(r.Damages, func(d struct{ What, Where, Detail string }) bool { return strings.Contains(d.Where, file) })
}

// rotten returns a stopped log that has tables, a write-ahead log with the
// latest receipts, and all that belongs to them.
func rotten(t *testing.T) *server {
	is := newIssuer(t)
	s := newServer(t, filepath.Join(t.TempDir(), "log"), is)
	l := newLedger(t, is, s)
	for n := range 3 { // each start moves the log of the run before into tables
		s.Start()
		for i := range 4 {
			l.wave(t, s, fmt.Sprintf("run-%d-%d", n, i))
		}
		s.Stop()
	}
	s.Fsck()
	return s
}

// TestBitRot flips one bit at a time, in every file of the database, and holds
// that fsck finds it, names the file, ends with status 1 and says what still
// verifies.
func TestBitRot(t *testing.T) {
	s := rotten(t)
	data := filepath.Join(s.Dir, "data")
	files, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for _, f := range files {
		kind, inUse := rots(files, f)
		if !inUse {
			continue
		}
		path := filepath.Join(data, f.Name())
		for _, at := range places(t, path) {
			restore := flip(t, path, at)
			s.findsRot(t, f.Name(), at)
			restore()
			seen[kind]++
		}
	}
	for _, kind := range []string{"table", "write-ahead log", "list of tables", "notes of what was synced"} {
		if seen[kind] == 0 {
			t.Errorf("there was no %s to hurt", kind)
		}
	}
	t.Logf("bits flipped, each found: %v", seen)
	s.Fsck()
}

// rots tells the kinds of files that hold anything. The list of tables that is
// not in use any more, the options that are written anew at each start and files
// without content do not.
func rots(all []os.DirEntry, f fs.DirEntry) (kind string, ok bool) {
	switch name := f.Name(); {
	case strings.HasSuffix(name, ".sst"):
		return "table", true
	case strings.HasSuffix(name, ".log"):
		return "write-ahead log", true
	case name == "SYNCED":
		return "notes of what was synced", true
	case strings.HasPrefix(name, "MANIFEST-"):
		return "list of tables", slices.ContainsFunc(all, func(e os.DirEntry) bool {
			return strings.HasPrefix(e.Name(), "marker.manifest") && strings.HasSuffix(e.Name(), name)
		})
	default:
		return "", false
	}
}

// places returns the offsets at which a file is hurt: more of them in a log,
// whose reader forgives, than in a table, of which there are many.
func places(t *testing.T, path string) []int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	at, more := []int64{size - 1}, 6
	if strings.HasSuffix(path, ".sst") {
		more = 1
	}
	if *thorough {
		more *= 20
	}
	for range more {
		at = append(at, rand.Int64N(size))
	}
	return at
}

// flip flips one bit of a file, and returns a function that flips it back.
func flip(t *testing.T, path string, at int64) (restore func()) {
	t.Helper()
	bit := byte(1) << rand.IntN(8)
	change := func() {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= bit
		if _, err := f.WriteAt(b[:], at); err != nil {
			t.Fatal(err)
		}
	}
	change()
	return change
}

// findsRot holds fsck to finding the damage in a file.
func (s *server) findsRot(t *testing.T, file string, at int64) {
	t.Helper()
	r := try(t, "fsck", "--dir", s.Dir, "--json")
	var found report
	if err := json.Unmarshal([]byte(r.out), &found, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Errorf("%s, byte %d: fsck ended with status %d and no report: %v\n%s%s", file, at, r.exit, err, r.out, r.err)
		return
	}
	if r.exit != 1 || found.OK || !found.names(file) {
		t.Errorf("%s, byte %d: fsck ended with status %d and found %+v", file, at, r.exit, found.Damages)
	}
}

// TestServeRefusesRot hurts the write-ahead log of a log that was killed, anywhere
// up to its last record, where the library would drop what follows without a
// word. The log must not go on from the older state that remains. Nobody is there
// to contradict it: it has no witnesses, and no checkpoint was kept beside it.
func TestServeRefusesRot(t *testing.T) {
	is := newIssuer(t)
	s := newServer(t, filepath.Join(t.TempDir(), "log"), is)
	l := newLedger(t, is, s)
	s.Start()
	for i := range 6 {
		l.wave(t, s, fmt.Sprint("run-", i))
	}
	s.Kill()
	if err := os.Remove(filepath.Join(s.Dir, "latest-checkpoint.txt")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(s.Dir, "data", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v, %v", logs, err)
	}
	latest := logs[len(logs)-1]
	data, err := os.ReadFile(latest)
	if err != nil {
		t.Fatal(err)
	}
	end := int64(len(bytes.TrimRight(data, "\x00")))
	if end < 64<<10 {
		t.Fatalf("the log ends at %d: too small to tell anything", end)
	}
	at := []int64{0, 100, end - 1}
	for range 9 + 200*btoi(*thorough) {
		at = append(at, rand.Int64N(end))
	}
	for _, at := range at {
		restore := flip(t, latest, at)
		if s.Launch() {
			t.Fatalf("byte %d of %d is hurt, and the log runs", at, end)
		}
		if said := s.log.String(); s.Status() != 1 || !strings.Contains(said, "damaged") || !strings.Contains(said, filepath.Base(latest)) {
			t.Errorf("byte %d of %d is hurt: status %d:\n%s", at, end, s.Status(), said)
		}
		restore()
	}
	if err := os.Rename(latest, latest+".away"); err != nil {
		t.Fatal(err)
	}
	s.refusesToServe(t, "is gone")
	if err := os.Rename(latest+".away", latest); err != nil {
		t.Fatal(err)
	}
	s.Start()
	l.survive(t, s)
	s.Stop()
	s.Fsck()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
