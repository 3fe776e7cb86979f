package witness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// scene is a witness of a few logs on a disk that fails, and all that left it.
type scene struct {
	keys *Keys
	logs []*playedLog

	mu   sync.Mutex
	left []map[uint64]bool // for each log, the sizes on which a signature left
}

func newScene(t testing.TB) *scene {
	s := &scene{keys: testKeys(t, time.Now)}
	for i := range 3 {
		s.logs = append(s.logs, newLog(t, fmt.Sprintf("log.example/%d", i)).grow(sceneSteps))
		s.left = append(s.left, make(map[uint64]bool))
	}
	return s
}

const sceneSteps = 5

func (s *scene) leave(log int, size uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[log][size] = true
}

// play lets the logs grow side by side until something fails, while monitors
// look. The fault counts from when the database is open: that opening one is safe
// is shown where it is written. It returns the number of changes to the disk.
func (s *scene) play(t testing.TB, disk *storagetest.FaultFS, fault storagetest.Fault) (ops int) {
	db, err := kv.Open("db", kv.Options{FS: disk, Create: true, Origin: "witness", MemTableBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	before := disk.Ops()
	if fault.At != 0 {
		fault.At += before
	}
	disk.SetFault(fault)
	s.perform(t, db)
	ops = disk.Ops() - before
	_ = db.Close() // it may have failed on purpose
	return ops
}

func (s *scene) perform(t testing.TB, db *kv.DB) {
	w, err := New(cas.New(db), s.keys, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var logs, monitors sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	for i, l := range s.logs {
		if _, err := w.AddLog(Log{Keys: []string{l.vkey}}); err != nil {
			break
		}
		monitors.Go(func() {
			for ctx.Err() == nil {
				if signed, err := w.Latest(HashOrigin(l.origin)); err == nil {
					c, err := checkpoint.ParseSigned(signed)
					if err != nil {
						panic(err)
					}
					s.leave(i, c.Size)
				}
				runtime.Gosched()
			}
		})
		logs.Go(func() {
			for size := range uint64(sceneSteps) {
				if _, err := w.AddCheckpoint(ctx, l.request(size, size+1)); err != nil {
					return
				}
				s.leave(i, size+1)
			}
		})
	}
	logs.Wait()
	stop()
	monitors.Wait()
}

// check opens what a crash left: no signature that left is ahead of the state,
// the state is of the one true history, and the witness goes on from there.
func (s *scene) check(t *testing.T, disk *storagetest.FaultFS) {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: disk})
	if err != nil {
		t.Fatalf("open after crash: %v", err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	w, err := New(cas.New(db), s.keys, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range s.logs {
		s.checkLog(t, w, l, s.left[i])
	}
}

func (s *scene) checkLog(t *testing.T, w *Witness, l *playedLog, left map[uint64]bool) {
	t.Helper()
	most := uint64(0)
	for size := range left {
		most = max(most, size)
	}
	if c, err := w.AddLog(Log{Keys: []string{l.vkey}}); err != nil || c == Added && most > 0 {
		t.Fatalf("%s: a log with signatures that left is gone: %v, %v", l.origin, c, err)
	}
	known := uint64(0)
	if signed, err := w.Latest(HashOrigin(l.origin)); err == nil {
		c, err := checkpoint.ParseSigned(signed)
		if err != nil {
			t.Fatal(err)
		}
		if known = c.Size; c.Root != l.root(known) {
			t.Errorf("%s: the root of size %d is not the log's", l.origin, known)
		}
	}
	if known < most {
		t.Errorf("I8: %s: a signature left on size %d, and the state is %d", l.origin, most, known)
	}
	fork := l.fork()
	for from := range most {
		if _, err := w.AddCheckpoint(context.Background(), fork.request(from, most)); err == nil {
			t.Errorf("I8: %s: a fork was cosigned for size %d", l.origin, most)
		}
	}
	if _, err := w.AddCheckpoint(context.Background(), l.request(known, sceneSteps+1)); err != nil {
		t.Errorf("%s: it does not go on from size %d: %v", l.origin, known, err)
	}
}

// TestI8 crashes the witness at its k-th change to the disk, for every k, with
// that change lost or done, and what was not synced lost, kept, or in part. Or
// that change fails once and nobody crashes: then nothing may leave on top of it.
func TestI8(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 5
	}
	whole := newScene(t)
	total := whole.play(t, storagetest.NewFaultFS(storagetest.Fault{}), storagetest.Fault{})
	for i := range whole.logs {
		if !whole.left[i][sceneSteps] {
			t.Fatalf("without any fault log %d came to %v", i, whole.left[i])
		}
	}
	t.Logf("%d changes to the disk", total)
	seen := 0
	for k := 1 + rand.IntN(step); k <= total; k += step {
		for _, fault := range []storagetest.Fault{{At: k}, {At: k, Persisted: true}, {At: k, Once: true}} {
			disk := storagetest.NewFaultFS(storagetest.Fault{})
			s := newScene(t)
			s.play(t, disk, fault)
			seen += len(s.left[0])
			for _, percent := range []int{0, 50, 100} {
				t.Run(fmt.Sprintf("%+v,%d%%", fault, percent), func(t *testing.T) {
					s.check(t, disk.Crash(percent, uint64(k)))
				})
			}
		}
	}
	if seen == 0 {
		t.Error("no signature ever left: nothing was tested")
	}
}
