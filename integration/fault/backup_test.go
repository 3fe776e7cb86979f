package fault

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// wantExit runs receiptlog and holds it to an exit status and to what it says.
func wantExit(t *testing.T, exit int, says string, args ...string) {
	t.Helper()
	if r := try(t, args...); r.exit != exit || !strings.Contains(r.out+r.err, says) {
		t.Errorf("receiptlog %s: exit status %d, want %d and %q\n%s%s", strings.Join(args, " "), r.exit, exit, says, r.out, r.err)
	}
}

// refusesToServe holds that serve ends with status 1 and says why.
func (s *server) refusesToServe(t *testing.T, why string) {
	t.Helper()
	if s.Launch() {
		t.Fatalf("the log runs, although %s", why)
	}
	if said := s.log.String(); s.Status() != 1 || !strings.Contains(said, why) {
		t.Errorf("serve ended with status %d, want 1 and %q\n%s", s.Status(), why, said)
	}
}

// refusesToSign holds that the log serves what it has, signs nothing, and says why.
func (s *server) refusesToSign(t *testing.T, why string, run string) {
	t.Helper()
	address := s.begin()
	ctx := within(t, time.Minute)
	var state string
	for !strings.Contains(state, "refuses to sign") {
		if !s.Running() {
			t.Fatalf("serve ended with status %d\n%s", s.Status(), s.log)
		}
		if ctx.Err() != nil {
			t.Fatalf("/readyz says %q", state)
		}
		time.Sleep(10 * time.Millisecond)
		if s.ready(address) {
			t.Fatalf("I5: the log is ready, although %s", why)
		}
		if resp, err := http.Get(s.URL + api.RouteReady); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			state = string(body)
		}
	}
	if !strings.Contains(state, why) || !strings.Contains(s.log.String(), "REFUSING TO SIGN") {
		t.Errorf("I5: /readyz says %s, want %q\n%s", state, why, s.log)
	}
	if _, err := s.Client().Bundle(ctx, run, api.Only); err != nil {
		t.Errorf("reading has stopped: %v", err)
	}
	_, err := s.Client().Submit(ctx, []byte("{}"))
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Code != api.CodeNotSigning || p.Status != http.StatusServiceUnavailable {
		t.Errorf("I5: a receipt is answered with %v", err)
	}
	if resp, err := http.Get(s.URL + "/metrics"); err != nil {
		t.Error(err)
	} else {
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), "\nreceiptlog_refuses 1\n") {
			t.Errorf("/metrics does not say receiptlog_refuses 1: %v", err)
		}
	}
	s.Stop()
}

// putKeys puts the keys of one log into another directory, as an operator does
// after a restore.
func putKeys(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"log-ed25519.key", "log-mldsa44.key"} {
		key, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackup copies a log under load, restores the copy elsewhere, and holds the
// restored log to everything that was acknowledged before the backup began.
func TestBackup(t *testing.T) {
	is, home := newIssuer(t), t.TempDir()
	// The socket's path is too long for an address.
	s := newServer(t, filepath.Join(home, strings.Repeat("long-", 30), "log"), is)
	l := newLedger(t, is, s)
	s.Start()
	copied, ctx := filepath.Join(home, "backup"), within(t, 2*time.Minute)
	l.wave(t, s, "before")
	old := l.acked()
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); l.load(running, s.Client(), 0) }()
	time.Sleep(300 * time.Millisecond)
	t.Log(run(t, "backup", "--dir", s.Dir, "--to", copied))
	stop()
	<-done
	wantExit(t, 1, "exists already", "backup", "--dir", s.Dir, "--to", copied)
	wantExit(t, 0, "all sound", "fsck", "--dir", copied)
	if left, _ := filepath.Glob(filepath.Join(s.Dir, ".snapshot-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	// Without evidence restore says that it cannot tell; whoever knows better is
	// believed, here to look at what is in the backup.
	l.wave(t, s, "later")
	l.Resubmit(ctx, s.Client(), l.all(open), true)
	s.Kill()
	again := filepath.Join(home, "again")
	wantExit(t, 3, "nobody can tell", "restore", "--from", copied, "--dir", again)
	run(t, "restore", "--from", copied, "--dir", again, "--nothing-newer")
	putKeys(t, s.Dir, again)
	r := openServer(t, again)
	r.Start()
	for _, slip := range old {
		raw, err := r.Client().Bundle(ctx, slip.run, api.Only)
		if err != nil {
			t.Errorf("%s was acknowledged before the backup and is not in it: %v", slip.run, err)
			continue
		}
		l.Hold(slip, raw)
	}
	r.Stop()
	r.Fsck()
}

// acked returns the receipts that were acknowledged so far.
func (l *ledger) acked() []*slip { return l.all(acked) }

// TestI5RolledBack puts old data back in every way that an operator in a hurry
// may try, and holds that no log signs from it what it would have to take back.
func TestI5RolledBack(t *testing.T) {
	is, home := newIssuer(t), t.TempDir()
	s := newServer(t, filepath.Join(home, "log"), is)
	l := newLedger(t, is, s)
	s.Start()
	ctx := within(t, 2*time.Minute)
	l.wave(t, s, "old")
	old := l.acked()[0].run // in the data that is put back
	s.Stop()
	copied, data, cold := filepath.Join(home, "backup"), filepath.Join(s.Dir, "data"), filepath.Join(home, "cold")
	run(t, "backup", "--dir", s.Dir, "--to", copied) // of a log that does not run
	copyDir(t, s.Dir, cold)
	s.Start()
	l.wave(t, s, "new")
	signed, err := s.Client().Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	latest := filepath.Join(home, "latest")
	if err := os.WriteFile(latest, signed, 0o644); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond) // the log notes beside its data what it published
	s.Kill()

	// As a backup it is not served, wherever it is put.
	wantExit(t, 1, "exists", "restore", "--from", copied, "--dir", s.Dir)
	newest := filepath.Join(home, "newest")
	if err := os.Rename(data, newest); err != nil {
		t.Fatal(err)
	}
	wantExit(t, 1, "older than what the log published", "restore", "--from", copied, "--dir", s.Dir)
	wantExit(t, 1, "older than what the log published", "restore", "--from", copied, "--dir", s.Dir, "--nothing-newer")
	wantExit(t, 1, "older than what the log published", "restore", "--from", copied, "--dir", filepath.Join(home, "other"), "--seen", latest)
	wantExit(t, 2, "no log in", "restore", "--from", home, "--dir", s.Dir)
	wantExit(t, 2, "not a backup", "restore", "--from", cold, "--dir", filepath.Join(home, "other"), "--seen", latest)
	copyFiles(t, filepath.Join(copied, "data"), data)
	s.refusesToServe(t, "is a backup")

	// Nor is the data of another day, copied by hand.
	os.RemoveAll(data)
	copyFiles(t, filepath.Join(cold, "data"), data)
	for range 2 { // running it does not make it forget
		s.refusesToSign(t, "the log was rolled back: it published a checkpoint that its data does not have", old)
		wantExit(t, 1, "rolled back", "fsck", "--dir", s.Dir)
	}

	// The newest data still is.
	os.RemoveAll(data)
	if err := os.Rename(newest, data); err != nil {
		t.Fatal(err)
	}
	s.Start()
	l.Audit(ctx, s.Client())
	s.Stop()
	s.Fsck()
	latestBackup := filepath.Join(home, "latest-backup")
	run(t, "backup", "--dir", s.Dir, "--to", latestBackup)
	os.RemoveAll(data)
	run(t, "restore", "--from", latestBackup, "--dir", s.Dir) // it has all that was seen
	s.Start()
	l.Audit(ctx, s.Client())
	s.Stop()
	s.Fsck()
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
