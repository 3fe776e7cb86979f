package fault

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// injection is one way in which the kernel fails the server.
type injection struct {
	calls string // system calls, as strace names them
	how   string // "error=EIO", "signal=KILL"
	// opening and serving are how many are tried while the log is opened and
	// recovers, and while it serves: the first such call of each thread fails,
	// or the second of each, and so on.
	opening, serving int
}

const (
	syncs   = "fsync,fdatasync,sync_file_range"
	writes  = "write,pwrite64,writev,pwritev"
	names   = "openat,linkat,renameat,renameat2,unlinkat"
	changes = "fallocate,ftruncate,close"
	reads   = "read,pread64"
	killed  = "signal=KILL"
)

// injections are the calls by which the data directory is changed, and the
// failures a disk has. Reading is there as well.
var injections = []injection{
	{syncs, "error=EIO", 4, 3},
	{syncs, "error=ENOSPC", 1, 1},
	{syncs, killed, 3, 3},
	{writes, "error=EIO", 2, 2},
	{writes, "error=ENOSPC", 2, 2},
	{writes, killed, 2, 3},
	{names, "error=EIO", 3, 1},
	{names, "error=ENOSPC", 1, 0},
	{names, killed, 3, 0},
	{changes, "error=EIO", 1, 1},
	{reads, "error=EIO", 2, 1},
}

// everyK is how far a thorough run goes.
const everyK = 12

// mustStop says that the server may not go on once a call failed: after a failed
// sync nobody knows what is on the disk.
func (in *injection) mustStop() bool { return in.calls == syncs || in.how == killed }

// TestSystemCallsFail fails, at the k-th time that a thread makes it, each
// system call that matters, on the real program with a real file system. After
// each failure the log is started again, and every promise has to hold.
func TestSystemCallsFail(t *testing.T) {
	if path, err := exec.LookPath("strace"); err != nil {
		t.Fatalf("strace is needed (%s, %v); integration/test.sh says how to get it, or leaves this folder out", path, err)
	}
	is := newIssuer(t)
	base := filepath.Join(t.TempDir(), "log")
	s := newServer(t, base, is)
	// So small that a few waves change the write-ahead log, flush and compact.
	setConfig(t, s.Dir, "memTableBytes", fmt.Sprint(64<<10))
	s.Start()
	before := newLedger(t, is, s)
	before.wave(t, s, "base")
	s.Kill() // so that opening has something to recover
	for _, in := range injections {
		for phase, upTo := range map[string]int{"opening": in.opening, "serving": in.serving} {
			if *thorough {
				upTo = everyK
			}
			for k := 1; k <= upTo; k++ {
				t.Run(fmt.Sprintf("%s/%s/%s/%d", in.calls, in.how, phase, k), func(t *testing.T) {
					t.Parallel()
					in.try(t, is, base, phase == "serving", k)
				})
			}
		}
	}
}

// try runs a copy of the log with the k-th calls failing.
func (in *injection) try(t *testing.T, is *issuer, base string, serving bool, k int) {
	dir := filepath.Join(t.TempDir(), "log")
	copyDir(t, base, dir)
	trace := filepath.Join(t.TempDir(), "trace")
	s := openServer(t, dir)
	l := newLedger(t, is, s)
	var up bool
	if serving {
		s.Start()
		up = true
		attach(t, s, in.strace(trace, dir, k))
	} else {
		up = s.Launch(append(in.strace(trace, dir, k), "-D", "--seccomp-bpf")...)
	}
	for n := 0; up && n < 4 && s.Running(); n++ {
		l.wave(t, s, fmt.Sprint("run-", n))
	}
	hit := injected(t, trace)
	if s.Running() && !(hit && in.mustStop()) {
		s.Terminate()
	}
	status := s.Await() // by itself, where it must
	hit = injected(t, trace) || in.how == killed && status == -1
	in.judge(t, s, hit, status)
	s.Start()
	l.survive(t, s)
	s.Stop()
	s.Fsck()
}

// judge holds the server to ending as it should: with status 1 and a reason
// where it had to stop, and never by a panic.
func (in *injection) judge(t *testing.T, s *server, hit bool, status int) {
	t.Helper()
	said := s.log.String()
	if strings.Contains(said, "goroutine ") {
		t.Errorf("the server panicked\n%s", said)
	}
	switch {
	case !hit:
		t.Logf("no thread made that many calls; the server ended with status %d", status)
		if status != 0 {
			t.Errorf("nothing failed, and the server ended with status %d\n%s", status, said)
		}
	case in.how == killed:
		if status != -1 {
			t.Errorf("killed, and the status is %d\n%s", status, said)
		}
	case in.mustStop() && status != 1 || status < 0 || status > 2:
		t.Errorf("a call failed, and the server ended with status %d\n%s", status, said)
	case status != 0 && !strings.Contains(said, "receiptlog: error: "):
		t.Errorf("the server ended with status %d and does not say why\n%s", status, said)
	}
}

// survive holds the log that was started again to what it acknowledged, lets it
// go on, and audits it.
func (l *ledger) survive(t *testing.T, s *server) {
	t.Helper()
	ctx := within(t, patience)
	l.ProveAll(ctx, s.Client())
	l.Fetch(ctx, s.Client(), l.all(acked))
	l.wave(t, s, "after")
	if n := len(l.all(func(s *slip) bool { return s.acked && strings.HasPrefix(s.run, "after") })); n != waveReceipts {
		t.Errorf("after the restart %d of %d receipts were taken", n, waveReceipts)
	}
	l.Resubmit(ctx, s.Client(), l.all(open), true)
	l.Resubmit(ctx, s.Client(), l.all(acked), false)
	l.ProveAll(ctx, s.Client())
}

const waveReceipts = 8

// wave submits a few receipts at once, half of them without waiting for the
// bundle, and returns when all are answered or have failed.
func (l *ledger) wave(t *testing.T, s *server, name string) {
	ctx, c := within(t, patience), s.Client()
	var all sync.WaitGroup
	for i := range waveReceipts {
		drawn := l.Draw(fmt.Sprintf("%s-%d", name, i), i*1000)
		all.Go(func() {
			if i%2 == 0 {
				l.single(ctx, c, drawn)
			} else {
				l.async(ctx, c, drawn)
			}
		})
	}
	all.Wait()
	_ = l.Look(ctx, c) // it may be gone by now
	time.Sleep(time.Millisecond)
}

// attach puts a running server under strace, and returns once its calls fail.
func attach(t *testing.T, s *server, strace []string) {
	t.Helper()
	pid := s.process.Process.Pid
	cmd := exec.Command(strace[0], append(strace[1:], "-p", fmt.Sprint(pid))...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() }) // it ends with the server
	for deadline := time.Now().Add(patience); !traced(t, pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("strace did not attach in time")
		}
	}
}

// traced reports whether every thread of a process has a tracer.
func traced(t *testing.T, pid int) bool {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	for _, name := range files {
		if status, err := os.ReadFile(name); err == nil && strings.Contains(string(status), "TracerPid:\t0\n") {
			return false
		}
	}
	return true
}

// strace is the program to run the server under. Only calls on the files of the
// database count: the first hundred of each kind, which is more than a run makes.
func (in *injection) strace(trace, dir string, k int) []string {
	data := filepath.Join(dir, "data")
	args := []string{"strace", "-f", "-e", "quiet=all", "-e", "signal=none", "-o", trace,
		"-e", "trace=" + in.calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", in.calls, in.how, k), "-P", data}
	for n := 1; n <= 100; n++ {
		for _, name := range []string{"%06d.log", "%06d.sst", "%06d.blob", "MANIFEST-%06d", "OPTIONS-%06d", "temporary.%06d.dbtmp"} {
			args = append(args, "-P", filepath.Join(data, fmt.Sprintf(name, n)))
		}
	}
	return args
}

// injected reports whether a call was made to fail.
func injected(t *testing.T, trace string) bool {
	t.Helper()
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(raw), "(INJECTED)") || strings.Contains(string(raw), "killed by SIGKILL")
}
