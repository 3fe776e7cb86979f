package integration

import (
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/webhook"
)

// hook is a receiver that a test listens with.
type hook struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	status int                        // of the first delivery of a message; the next is accepted
	heard  map[string]webhook.Message // by ID
	times  map[string]int
	bodies []string
	secret webhook.Secret
}

func newHook(t *testing.T) *hook {
	h := &hook{t: t, status: http.StatusOK, heard: make(map[string]webhook.Message), times: make(map[string]int)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // a server was killed while it sent
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, string(body))
	if !h.secret.IsZero() {
		if err := webhook.Verify(h.secret, r.Header.Get, body, time.Now()); err != nil {
			h.t.Errorf("%v: %s", err, body)
			return
		}
	}
	var m webhook.Message
	if err := json.Unmarshal(body, &m); err != nil {
		h.t.Errorf("%v: %s", err, body)
	}
	id := r.Header.Get(webhook.HeaderID)
	h.times[id]++
	status := h.status
	if h.times[id] > 1 {
		status = http.StatusOK
	}
	if status == http.StatusOK {
		h.heard[id] = m
	}
	w.WriteHeader(status)
}

func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

// runs returns the runs that were told of, and how often at most one of them was.
func (h *hook) runs() (runs map[string]bool, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	runs = make(map[string]bool)
	for id, m := range h.heard {
		runs[m.Data.RunID] = true
		most = max(most, h.times[id])
	}
	return runs, most
}

// TestWebhooksSurviveKills kills a server again and again while receipts come in and
// the receiver is up and down: every receipt that was acknowledged is told, signed,
// and under one ID however often.
func TestWebhooksSurviveKills(t *testing.T) {
	is := newIssuer(t)
	s, h := newServer(t, is.DID), newHook(t)
	t.Setenv("RECEIPTLOG_WEBHOOKS_ALLOW_PRIVATE", "true")
	t.Setenv("RECEIPTLOG_TOKEN", newKey(t, s.Dir, "admin", api.ScopeAdmin))
	s.Start()
	secret := printed(t, "receiptlog", "webhook", "add", "--url", s.URL, "--name", "hook", "--to", h.URL, "--event", "receipt.logged")
	var err error
	if h.secret, err = webhook.ParseSecret(secret); err != nil {
		t.Fatalf("%v: %q", err, secret)
	}
	var acknowledged []string
	for round := range 4 {
		h.answer([]int{http.StatusServiceUnavailable, http.StatusOK}[round%2])
		c, err := api.New(s.URL, api.Options{Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 15 {
			id := fmt.Sprintf("run-%d-%d", round, i)
			if _, err := c.Submit(t.Context(), is.Receipt(t, id)); err != nil {
				t.Fatal(err)
			}
			acknowledged = append(acknowledged, id)
		}
		s.Kill()
		s.Start()
	}
	h.answer(http.StatusOK)
	var runs map[string]bool
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if runs, _ = h.runs(); len(runs) >= len(acknowledged) {
			break
		}
	}
	for _, id := range acknowledged {
		if !runs[id] {
			t.Errorf("%s was acknowledged and never told", id)
		}
	}
	if len(h.heard) != len(acknowledged) {
		t.Errorf("%d receipts are told under %d IDs", len(acknowledged), len(h.heard))
	}
}

// printed runs one of the programs and returns what it printed to standard output.
func printed(t testing.TB, name string, args ...string) string {
	t.Helper()
	c := exec.Command(filepath.Join(programs, name), args...)
	c.Stderr = t.Output()
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// TestCC72FailuresAreTold is the control mapping's CC7.2: gates that denied, verdicts
// of block and checks that failed are surfaced in real time, to Slack and to
// PagerDuty, on build/project.run.completed. A receiver of another organisation hears
// nothing of it.
func TestCC72FailuresAreTold(t *testing.T) {
	is := newIssuer(t)
	s := newServer(t, is.DID)
	slack, pager, other := newHook(t), newHook(t), newHook(t)
	t.Setenv("RECEIPTLOG_WEBHOOKS_ALLOW_PRIVATE", "true")
	t.Setenv("RECEIPTLOG_TOKEN", newKey(t, s.Dir, "admin", api.ScopeAdmin))
	s.Start()
	t.Setenv("RECEIPTLOG_URL", s.URL)
	key := filepath.Join(t.TempDir(), "routing")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	completed := "build/project.run.completed"
	run(t, "receiptlog", "webhook", "add", "--name", "slack", "--shape", "slack", "--to", slack.URL, "--event", completed, "--only-failures")
	run(t, "receiptlog", "webhook", "add", "--name", "pager", "--shape", "pagerduty", "--routing-key-file", key, "--to", pager.URL, "--event", completed)
	run(t, "receiptlog", "webhook", "add", "--name", "other", "--org", "somebody-else", "--to", other.URL, "--event", completed)
	run(t, "receiptlog", "webhook", "test", "3")

	good, bad := is.Receipt(t, "run-good"), is.Failed(t, "run-bad")
	c, err := api.New(s.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][]byte{good, bad} {
		if _, err := c.Submit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want := func(h *hook, words ...string) {
		t.Helper()
		var got []string
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			h.mu.Lock()
			got = append([]string(nil), h.bodies...)
			h.mu.Unlock()
			if len(got) > 0 {
				break
			}
		}
		if len(got) != 1 {
			t.Fatalf("heard %q", got)
		}
		for _, w := range words {
			if !strings.Contains(got[0], w) {
				t.Errorf("%s does not say %s", got[0], w)
			}
		}
	}
	want(slack, `{"text":"run run-bad in https://git.example/acme/shop failed: the jury blocked it; denied by github.write-branch; failed secrets"}`)
	want(pager, `"routing_key":"kkkk`, `"event_action":"trigger"`, `"severity":"error"`, `"class":"build/project.run.completed"`)
	want(other, `"type":"webhook.test"`)
	if out := run(t, "receiptlog", "webhook", "list"); strings.Contains(out, "kkkk") || !strings.Contains(out, "somebody-else") {
		t.Errorf("list shows\n%s", out)
	}
	run(t, "receiptlog", "webhook", "remove", "1")
	if out := run(t, "receiptlog", "webhook", "list"); strings.Contains(out, "slack") {
		t.Errorf("list shows\n%s", out)
	}
}
