package witness

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestForeignWitnessesCosignOurLog: two litewitnesses and our own, all of which
// are needed. Bundles verify with torchwood and with ours, and receiptctl says who
// cosigned and when. While one witness is away nothing is published, and when it
// is back everything is.
func TestForeignWitnessesCosignOurLog(t *testing.T) {
	a, b, c := ours(t, "witness.example/ours"), foreign(t, "witness.example/lite1"), foreign(t, "witness.example/lite2")
	l := newOurLog(t, "log.example/three", 3, a, b, c)
	l.serve()
	for range 3 {
		l.accept(l.submit(), 3)
	}
	last := l.submit()
	l.accept(last, 3)
	l.said(last.Marshal(), "quorum         cosigned by w", "w1 at ", "w2 at ", "w3 at ", "so the receipt was in the log before ")

	c.kill()
	published := l.size()
	late := l.receipt("late")
	resp, body := l.post(late, true)
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("without a quorum the receipt is durable, and not published: %d %s", resp.StatusCode, body)
	}
	r := l.awaitReady(http.StatusServiceUnavailable, func(r ready) bool { return len(r.Missing) == 1 })
	if r.Missing[0].Witness != "w3" || r.Missing[0].Since.IsZero() || !strings.Contains(r.Detail, "the quorum of witnesses, 3 of (w1, w2, w3), does not cosign") {
		t.Errorf("/readyz says %+v", r)
	}
	if now := l.size(); now != published {
		t.Errorf("published without a quorum: %d entries, before %d", now, published)
	}

	c.process = start(t, c.dir, c.cmd.Path, c.cmd.Args[1:]...)
	r = l.awaitReady(http.StatusOK, func(r ready) bool { return r.Size == published+1 })
	if len(r.Missing) != 0 {
		t.Errorf("/readyz still misses %+v", r.Missing)
	}
	l.accept(l.submitted(late, http.StatusOK), 3)
	l.stop()
	run(t, filepath.Join(programs, "receiptlog"), "fsck", "--dir", l.dir)
}

// said has receiptctl verify a bundle by the policy and say all that.
func (l *ourLog) said(b []byte, want ...string) {
	l.t.Helper()
	path, p := filepath.Join(l.t.TempDir(), "bundle.json"), filepath.Join(l.dir, "witnesses.txt")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		l.t.Fatal(err)
	}
	out := run(l.t, filepath.Join(programs, "receiptctl"), "verify", path, "--policy", p)
	for _, w := range want {
		if !strings.Contains(out, w) {
			l.t.Errorf("receiptctl verify does not say %q\n%s", w, out)
		}
	}
}

// TestStoppedWithoutQuorum: a log that is stopped while the quorum is lost ends soon
// and well. Who waits gets 503 with Retry-After; the receipt is durable, and is
// published after the next start, once.
func TestStoppedWithoutQuorum(t *testing.T) {
	a := ours(t, "witness.example/only")
	l := newOurLog(t, "log.example/stopped", 1, a)
	l.serve()
	l.submit()
	address := strings.TrimPrefix(a.url, "http://")
	a.stop()
	waits := l.receipt("waits")
	type answer struct {
		resp *http.Response
		body []byte
	}
	answers := make(chan answer)
	go func() {
		resp, body := l.post(waits, false)
		answers <- answer{resp, body}
	}()
	l.awaitReady(http.StatusServiceUnavailable, func(r ready) bool { return len(r.Missing) == 1 })
	began := time.Now()
	l.stop() // which holds that it exits with status 0
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v to end", took)
	}
	got := <-answers
	if got.resp.StatusCode != http.StatusServiceUnavailable || got.resp.Header.Get("Retry-After") == "" || !strings.Contains(string(got.body), "durable in the log") {
		t.Errorf("who waited got %d, Retry-After %q: %s", got.resp.StatusCode, got.resp.Header.Get("Retry-After"), got.body)
	}
	if said := l.out.String(); !strings.Contains(said, "are not published: they will be after the next start") {
		t.Errorf("it does not say so\n%s", said)
	}
	a.serve(t, "--listen", address)
	l.serve()
	l.awaitReady(http.StatusOK, func(r ready) bool { return r.Size == 2 })
	if b := l.submitted(waits, http.StatusOK); b.Index != 1 {
		t.Errorf("I2: it is at %d now", b.Index)
	}
	l.stop()
}

// TestNobodyWaitsForTheQuorumForEver: who submits while the quorum is lost gets
// 503 with Retry-After, and may submit again: the receipt has one leaf.
func TestNobodyWaitsForTheQuorumForEver(t *testing.T) {
	a := ours(t, "witness.example/only")
	l := newOurLog(t, "log.example/waits", 1, a)
	l.serve()
	l.submit()
	address := strings.TrimPrefix(a.url, "http://")
	a.stop()
	waits := l.receipt("waits")
	resp, body := l.post(waits, false)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("got %d, Retry-After %q: %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	a.serve(t, "--listen", address)
	l.awaitReady(http.StatusOK, func(r ready) bool { return r.Size == 2 })
	if b := l.submitted(waits, http.StatusOK); b.Index != 1 {
		t.Errorf("it is at %d now", b.Index)
	}
	l.stop()
}
