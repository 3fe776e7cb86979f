package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

const (
	diskBytes    = 320 << 20
	reserveBytes = 96 << 20
	largeReceipt = 60 << 10
)

// smallDisk returns a folder on a file system of diskBytes. Only root can make
// one; integration/test.sh leaves this test out for others, and says so.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", diskBytes)); err != nil {
		t.Fatalf("mount a small file system: %v (run as root, or leave this test out with -skip %s)", err, t.Name())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// free is how much room a disk has.
func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return fs.Bavail * uint64(fs.Bsize)
}

// ballast writes a file until the disk has only that much room left.
func ballast(t *testing.T, path string, leave uint64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := filepath.Dir(path)
	for have := free(t, dir); have > leave; have = free(t, dir) {
		if _, err := f.Write(make([]byte, min(have-leave, 1<<20))); err != nil {
			return // quite full
		}
	}
}

// setConfig changes a line of a log's configuration.
func setConfig(t *testing.T, dir, name, value string) {
	t.Helper()
	path := filepath.Join(dir, "receiptlog.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), fmt.Sprintf("%q: ", name))
	if !ok {
		t.Fatalf("%s has no %s:\n%s", path, name, raw)
	}
	_, after, _ := strings.Cut(rest, ",")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s%q: %s,%s", before, name, value, after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFullDisk fills the log's disk with receipts, and then somebody else fills
// what is left. Submissions get 507 in plain words before the disk is quite
// full, reading and publishing go on, and submissions are taken again by
// themselves once there is room.
func TestFullDisk(t *testing.T) {
	disk, is := smallDisk(t), newIssuer(t)
	s := newServer(t, filepath.Join(disk, "log"), is)
	setConfig(t, s.Dir, "reserveBytes", fmt.Sprint(reserveBytes))
	setConfig(t, s.Dir, "republishInterval", `"300ms"`)
	l := newLedger(t, is, s)
	s.Start()
	ctx, c := within(t, 2*time.Minute), s.Client()
	l.wave(t, s, "first")
	other := filepath.Join(disk, "other")
	ballast(t, other, reserveBytes+40<<20)

	taken := l.untilRefused(ctx, c)
	if left := free(t, disk); left < reserveBytes/2 {
		t.Errorf("refused with %d MiB left only, of a reserve of %d", left>>20, reserveBytes>>20)
	}
	t.Logf("refused after %d receipts of 60 KiB, with %d MiB left", taken, free(t, disk)>>20)
	l.goesOn(ctx, c)

	ballast(t, other, 0)
	t.Logf("somebody else left %d bytes", free(t, disk))
	l.refused507(ctx, c, "none-left")
	l.goesOn(ctx, c)

	s.Kill()
	s.saysDiskIsFull(t)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	s.Start()
	c = s.Client()
	ballast(t, other, reserveBytes/2)
	l.refused507(ctx, c, "little-left")
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	l.resumes(ctx, c)
	l.Audit(ctx, c)
	s.Stop()
	s.Fsck()
}

// saysDiskIsFull starts a log that was killed on a disk without a byte left, and
// holds that it ends, and says why in plain words. Nothing may be worse after it.
func (s *server) saysDiskIsFull(t *testing.T) {
	t.Helper()
	if s.Launch() {
		t.Error("the log runs, although it cannot write what it recovers")
		s.Kill()
		return
	}
	if said := s.log.String(); s.Status() != 1 || !strings.Contains(said, "no space left on device") || !strings.Contains(said, "make room") {
		t.Errorf("serve ended with status %d, want 1 and why\n%s", s.Status(), said)
	}
}

// untilRefused submits large receipts until one is refused, and returns how many
// were taken.
func (l *ledger) untilRefused(ctx context.Context, c *api.Client) int {
	l.t.Helper()
	for n := range 2 * diskBytes / largeReceipt {
		s := l.Draw(fmt.Sprint("large-", n), largeReceipt)
		r, err := c.SubmitAsync(ctx, s.data)
		if err != nil {
			l.want507(err)
			return n
		}
		l.Acknowledge(s, r.Index, r.ReceiptHash)
	}
	l.t.Fatal("the disk must be full, and receipts are still taken")
	return 0
}

// refused507 submits a small receipt, alone and among others, and holds that it
// is refused in the words for a full disk.
func (l *ledger) refused507(ctx context.Context, c *api.Client, run string) {
	l.t.Helper()
	s := l.Draw(run, 0)
	_, err := c.Submit(ctx, s.data)
	l.want507(err)
	one := func(yield func([]byte, error) bool) { yield(s.data, nil) }
	for line, err := range c.SubmitMany(ctx, one, true) {
		if err != nil || line.Error == nil {
			l.t.Fatalf("a line was taken: %+v, %v", line, err)
		}
		l.want507(line.Error)
	}
}

func (l *ledger) want507(err error) {
	l.t.Helper()
	p, ok := asProblem(err)
	if !ok || p.Status != 507 || p.Code != api.CodeStorageFull || !strings.Contains(p.Detail, "disk is nearly full") {
		l.t.Fatalf("got %+v (%v), want 507 %s", p, err, api.CodeStorageFull)
	}
}

// goesOn holds that what is in the log can be read, that who submits it again is
// told so, and that the log goes on publishing and calls itself ready.
func (l *ledger) goesOn(ctx context.Context, c *api.Client) {
	l.t.Helper()
	l.ProveAll(ctx, c)
	l.Fetch(ctx, c, l.sample(8))
	l.Resubmit(ctx, c, l.sample(8), true)
	before, err := c.Checkpoint(ctx)
	for after := before; err == nil && string(after) == string(before); time.Sleep(50 * time.Millisecond) {
		after, err = c.Checkpoint(ctx)
	}
	if err != nil {
		l.t.Errorf("the log does not publish any more: %v", err)
	}
	resp, err := http.Get(c.URL() + api.RouteReady)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || !strings.Contains(string(body), "disk is nearly full") {
		l.t.Errorf("readyz says %d %s", resp.StatusCode, body)
	}
}

// resumes holds that receipts are taken again within a second.
func (l *ledger) resumes(ctx context.Context, c *api.Client) {
	l.t.Helper()
	s, began := l.Draw("resumed", 0), time.Now()
	for {
		r, err := c.SubmitAsync(ctx, s.data)
		if err == nil {
			l.Acknowledge(s, r.Index, r.ReceiptHash)
			return
		}
		l.want507(err)
		if time.Since(began) > time.Second {
			l.t.Fatalf("there is room since %s, and receipts are still refused", time.Since(began))
		}
		time.Sleep(20 * time.Millisecond)
	}
}
