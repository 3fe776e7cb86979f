package webhook_test

import (
	"encoding/json/v2"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	wire "github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/webhook"
)

// patience is far longer than anything here takes on a machine that is not busy.
const patience = 30 * time.Second

// quick makes attempts follow each other at once.
func quick(o *log.Options) {
	o.Webhooks.AllowPrivate = true
	o.Webhooks.Delays = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}
	o.Webhooks.Timeout = 2 * time.Second
}

// got is a message as it came in.
type got struct {
	ID      string
	Header  http.Header
	Body    []byte
	Message wire.Message
}

// ear is a receiver that remembers what it heard.
type ear struct {
	*httptest.Server
	t testing.TB

	mu     sync.Mutex
	heard  []got
	status int // of its answers
}

func newEar(t testing.TB) *ear {
	e := &ear{t: t, status: http.StatusNoContent}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g := got{ID: r.Header.Get(wire.HeaderID), Header: r.Header, Body: body}
	_ = json.Unmarshal(body, &g.Message) // not of every shape
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, g)
	w.WriteHeader(e.status)
}

// answer sets the status of what the receiver answers from now on.
func (e *ear) answer(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

func (e *ear) all() []got {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// wait waits until the receiver heard what ok is content with.
func (e *ear) wait(what string, ok func([]got) bool) []got {
	e.t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if all := e.all(); ok(all) {
			return all
		}
	}
	e.t.Fatalf("never heard %s; only %d messages", what, len(e.all()))
	return nil
}

// one waits for a message of a type.
func (e *ear) one(kind string) got {
	e.t.Helper()
	var found got
	e.wait(kind, func(all []got) bool {
		i := slices.IndexFunc(all, func(g got) bool { return g.Message.Type == kind })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// types counts what was heard by type.
func types(all []got) map[string]int {
	n := make(map[string]int)
	for _, g := range all {
		n[g.Message.Type]++
	}
	return n
}

// add adds a receiver of the generic shape.
func add(w *logtest.World, to string, org string, events ...string) (webhook.Receiver, wire.Secret) {
	w.T.Helper()
	r, text, err := w.Log.Webhooks().Add(webhook.Receiver{Name: "test", Org: org, Shape: webhook.ShapeGeneric, URL: to, Events: events})
	if err != nil {
		w.T.Fatal(err)
	}
	return r, logtest.Must(wire.ParseSecret(text))
}

// until waits for ok.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// troubled is a run in which everything went wrong.
func troubled(c *receipt.Credential) {
	b := &c.CredentialSubject.Build
	b.Project, b.Repository = "shop", "https://git.example/shop"
	b.PolicyGates = append(b.PolicyGates, receipt.Gate{ID: receipt.GateWriteBranch, Decision: receipt.Deny})
	b.Jury = &receipt.Jury{Verdict: receipt.Block}
	b.Evals = &receipt.Evals{Checks: []receipt.Eval{{ID: "unit", Passed: true}, {ID: "secrets", Passed: false}}}
	b.Models = []receipt.Model{{Provider: "maker", Model: "m", Version: "1", Role: receipt.RoleBuilder}}
}

func ofOrg(org string) func(*receipt.Credential) {
	return func(c *receipt.Credential) { c.CredentialSubject.Build.Org = org }
}
