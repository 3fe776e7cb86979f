package witness

import (
	"encoding/json/v2"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/webhook"
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
	t.Parallel() // it waits for the server to give up
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

// TestLostQuorumIsTold kills a witness and starts it again: a receiver of webhooks is
// told both, signed, once each, and since when it was so.
func TestLostQuorumIsTold(t *testing.T) {
	a := ours(t, "witness.example/told")
	l := newOurLog(t, "log.example/told", 1, a)
	t.Setenv("RECEIPTLOG_WEBHOOKS_QUORUM_GRACE", "100ms")
	t.Setenv("RECEIPTLOG_WEBHOOKS_ALLOW_PRIVATE", "true")
	program := filepath.Join(programs, "receiptlog")
	t.Setenv("RECEIPTLOG_TOKEN", strings.TrimSpace(run(t, program, "key", "create", "--dir", l.dir, "--name", "admin", "--scope", "admin")))
	l.serve()
	l.submit()

	type told struct {
		kind    string
		since   time.Time
		trusted error
	}
	heard, secrets := make(chan told, 10), make(chan webhook.Secret, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		secret := <-secrets
		secrets <- secret
		var m webhook.Message
		err := webhook.Verify(secret, r.Header.Get, body, time.Now())
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		heard <- told{m.Type, m.Data.Since, err}
	}))
	t.Cleanup(receiver.Close)
	out, err := exec.Command(program, "webhook", "add", "--url", l.url, "--name", "on-call", "--to", receiver.URL, "--event", "quorum.lost").Output()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := webhook.ParseSecret(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	secrets <- secret
	next := func(kind string) told {
		t.Helper()
		select {
		case m := <-heard:
			if m.kind != kind || m.trusted != nil {
				t.Fatalf("heard %+v, want %s", m, kind)
			}
			return m
		case <-time.After(30 * time.Second):
			t.Fatalf("nobody tells %s\n%s", kind, l.out)
			return told{}
		}
	}

	killed := time.Now()
	a.kill()
	if lost := next("quorum.lost"); lost.since.Before(killed.Truncate(time.Second)) || lost.since.After(time.Now()) {
		t.Errorf("lost since %v, and the witness was killed at %v", lost.since, killed)
	}
	a.serve(t, "--listen", strings.TrimPrefix(a.url, "http://"))
	next("quorum.regained")
	l.stop()
	if len(heard) != 0 {
		t.Errorf("told more: %+v", <-heard)
	}
}
