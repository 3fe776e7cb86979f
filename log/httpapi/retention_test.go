package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/audit"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/kv"
)

// keeper is a served log whose clock a test moves, with an operator and an
// auditor who has been there from the beginning.
type keeper struct {
	*server
	ahead atomic.Int64 // of the real clock
	store *audit.Dir
}

func keep(t *testing.T) *keeper {
	k := new(keeper)
	k.server = serve(t, func(o *log.Options) {
		o.Clock = k.now
		o.Retention.Interval, o.Retention.ScrubEvery = 10*time.Millisecond, time.Nanosecond
	})
	k.store = logtest.Must(audit.OpenDir(filepath.Join(t.TempDir(), "audit")))
	t.Cleanup(func() { k.store.Close() })
	return k
}

func (k *keeper) now() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }

// pass lets time go by.
func (k *keeper) pass(p string) {
	now := k.now()
	k.ahead.Add(int64(logtest.Must(period.Parse(p)).From(now).Sub(now)))
}

// restart ends the log and opens it again, behind a new server.
func (k *keeper) restart() {
	k.T.Helper()
	k.Close()
	k.Open()
	k.listen()
}

func (k *keeper) client(token string) *api.Client {
	return logtest.Must(api.New(k.URL, api.Options{Token: token, Attempts: 1}))
}

// audit looks at the log through the wire, with the auditor's key and as a
// stranger.
func (k *keeper) audit() *account.Account {
	k.T.Helper()
	a, err := audit.New(audit.Options{Policy: k.Policy, Log: k.client(k.auditor), Others: []audit.Log{k.client("")}, Store: k.store, Now: k.now})
	if err != nil {
		k.T.Fatal(err)
	}
	acc, err := a.Run(k.T.Context())
	if err != nil {
		k.T.Fatal(err)
	}
	return acc
}

// clean audits and wants nothing found.
func (k *keeper) clean() *account.Account {
	k.T.Helper()
	acc := k.audit()
	if acc.Outcome() != account.Clean || len(acc.Findings) > 0 {
		k.T.Fatalf("findings %v, incomplete %q", acc.Findings, acc.Incomplete)
	}
	return acc
}

// eventually waits for the log's follower.
func (k *keeper) eventually(what string, done func() bool) {
	k.T.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	k.T.Fatalf("never: %s", what)
}

// gone returns the evidence of a run's erasure, once it is carried out.
func (k *keeper) gone(run string) *bundle.Erasure {
	k.T.Helper()
	var problem *api.Problem
	k.eventually(run+" is gone", func() bool {
		_, err := k.client("").Receipt(k.T.Context(), run, api.Only)
		problem = nil
		return errors.As(err, &problem) && problem.Status == http.StatusGone
	})
	if problem.Code != verdict.Erased {
		k.T.Errorf("problem %+v", problem)
	}
	return logtest.Must(bundle.ParseErasure(problem.Erasure))
}

func (k *keeper) present(run string) bool {
	_, err := k.client("").Receipt(k.T.Context(), run, api.Only)
	return err == nil
}

func (k *keeper) submit(org, run string) *bundle.Bundle {
	k.T.Helper()
	return k.Submit(k.Issuer.Receipt(run, func(c *receipt.Credential) {
		c.CredentialSubject.Build.Org = org
		c.CredentialSubject.Build.PlanSummary = "secret text of " + run
	}))
}

// holders returns the files of the data directory that contain text.
func (k *keeper) holders(text []byte) (names []string) {
	k.T.Helper()
	err := filepath.WalkDir(k.Options.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if bytes.Contains(data, text) {
			names = append(names, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		k.T.Fatal(err)
	}
	return names
}

// TestErasureByRequest takes one receipt from its submission to its erasure.
func TestErasureByRequest(t *testing.T) {
	k := keep(t)
	b := k.submit("acme", "run-1")
	k.submit("acme", "run-2")
	if len(k.holders(b.Salt[:])) == 0 {
		t.Fatal("the search does not find the salt before it is destroyed")
	}
	before := k.clean()
	if before.Bodies.Present != 2 || before.Bodies.Owed != 2 {
		t.Errorf("%+v", before.Bodies)
	}
	done, err := k.client(k.operator).Erase(t.Context(), api.ErasureRequest{Org: "acme", RunID: "run-1", Legal: "GDPR Article 17(1)(b)", Asked: "case 31"})
	if err != nil {
		t.Fatal(err)
	}
	evidence := k.gone("run-1")
	if evidence.Index != done.Index || !bytes.Equal(evidence.Entry, done.Entry) {
		t.Errorf("evidence of entry %d, want %d", evidence.Index, done.Index)
	}
	if v := verify.Bundle(b, verify.Options{Policy: k.Policy, Erasure: evidence}); !v.Verified {
		t.Errorf("a bundle that was kept: %+v", v)
	}
	_, err = k.client("").Bundle(t.Context(), "run-1", api.At(b.Index))
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Status != http.StatusGone || p.Erasure == nil {
		t.Errorf("bundle: %v", err)
	}
	if !k.present("run-2") {
		t.Error("another receipt went with it")
	}
	// I7: the text was sealed all along; salt and key leave the disk.
	k.eventually("the salt is off the disk", func() bool { return len(k.holders(b.Salt[:])) == 0 })
	for _, text := range []string{"secret text of run-1", "run-1"} {
		if names := k.holders([]byte(text)); names != nil {
			t.Errorf("%q is in %v", text, names)
		}
	}
	after := k.clean()
	if after.Bodies.Lawful != 1 || after.Bodies.Present != 1 || after.Bodies.Owed != 1 || len(after.Erasures) != 1 {
		t.Errorf("%+v", after)
	}
	// The same receipt may be logged anew: nothing knows it any more.
	if again := k.Submit(b.Receipt); again.Index == b.Index {
		t.Error("the erased leaf was returned")
	}
	k.clean()
}

// TestYearOfALog plays a year against the real log, restarts included.
func TestYearOfALog(t *testing.T) {
	k := keep(t)
	op := func() *api.Client { return k.client(k.operator) }
	set := func(org string, r api.RulesRequest) *api.Appended {
		t.Helper()
		r.Asked = "records office"
		a, err := op().SetRules(t.Context(), org, r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	old := k.submit("acme", "old") // indefinite
	set("acme", api.RulesRequest{Class: entry.ClassLog})
	set("globex", api.RulesRequest{Class: entry.ClassPeriod, Period: "P1Y"})
	for i := range 5 {
		k.submit("acme", fmt.Sprint("acme-", i))
		k.submit("globex", fmt.Sprint("globex-", i))
	}
	dated := k.submit("initech", "dated")
	k.clean()
	k.restart()

	k.pass("P5M")
	hold, err := op().Hold(t.Context(), api.HoldRequest{Action: entry.HoldPlaced, Ranges: [][2]uint64{{old.Index, old.Index + 3}}, Basis: "litigation", Asked: "counsel"})
	if err != nil {
		t.Fatal(err)
	}
	k.Issuer.Rotate()
	k.Resolver.Publish(k.Issuer.Document())
	k.submit("acme", "after-rotation")
	k.clean()

	k.pass("P2M") // acme's five are due; the hold covers the first
	for i := 1; i < 5; i++ {
		k.gone(fmt.Sprint("acme-", i))
	}
	if !k.present("acme-0") || !k.present("globex-0") || !k.present("after-rotation") {
		t.Error("too much is gone")
	}
	if a := k.clean(); a.Bodies.Lawful != 4 {
		t.Errorf("%+v", a.Bodies)
	}
	_, err = op().Erase(t.Context(), api.ErasureRequest{Org: "acme", RunID: "old", Legal: "GDPR Article 17", Asked: "case 1"})
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Code != rules.ErasureUnderHold {
		t.Errorf("erasing under hold: %v", err)
	}
	k.restart()
	if _, err := op().Hold(t.Context(), api.HoldRequest{Action: entry.HoldLifted, Lifts: &hold.Index, Basis: "settled", Asked: "counsel"}); err != nil {
		t.Fatal(err)
	}
	k.gone("acme-0")

	// A shorter rule for all waits out its notice.
	set("acme", api.RulesRequest{Class: entry.ClassLog, Applies: entry.AppliesAll})
	set("initech", api.RulesRequest{Class: entry.ClassDocumentation, Event: "2009-01-01", Applies: entry.AppliesAll})
	k.pass("P29D")
	time.Sleep(50 * time.Millisecond)
	if !k.present("old") {
		t.Error("gone before its notice ran out")
	}
	k.clean()
	k.restart()
	// The log reads off the checkpoints it kept when the notice began. With none
	// published in these 29 days, thinning can have left it one of now as the
	// first; the notice then begins late, never early.
	k.pass("P31D")
	k.gone("old")
	k.gone("dated")
	if got := k.clean(); got.Bodies.Lawful != 7 {
		t.Errorf("%+v", got.Bodies)
	}
	k.pass("P6M")
	k.gone("globex-4")
	k.gone("after-rotation")
	final := k.clean()
	if final.Bodies.Present != 0 || final.Bodies.Lawful != 13 || len(final.Issuers) != 2 {
		t.Errorf("%+v, %d documents", final.Bodies, len(final.Issuers))
	}
	// Whoever comes only now comes to the same account.
	k.store.Close()
	k.store = logtest.Must(audit.OpenDir(filepath.Join(t.TempDir(), "late")))
	if late := k.clean(); late.Bodies != final.Bodies {
		t.Errorf("%+v, want %+v", late.Bodies, final.Bodies)
	}
	if v := verify.Bundle(dated, verify.Options{Policy: k.Policy}); !v.Verified {
		t.Errorf("%+v", v)
	}
}

// TestDeletedBehindTheLog plays an operator who deletes a body in the database.
func TestDeletedBehindTheLog(t *testing.T) {
	k := keep(t)
	b := k.submit("acme", "run-1")
	k.submit("acme", "run-2")
	k.clean()
	k.Close()
	rows := make(map[string][]byte)
	k.Change(func(db *kv.DB) {
		batch := db.NewBatch()
		for _, key := range [][]byte{kv.BodyKey(b.Index), kv.BodyKeyKey(b.Index)} {
			rows[string(key)] = logtest.Must(db.Get(key))
			batch.Delete(key)
		}
		if err := batch.Commit(true); err != nil {
			t.Fatal(err)
		}
	})
	k.Open()
	k.listen()
	acc := k.audit()
	if acc.Outcome() != account.Found || len(acc.Findings) != 1 || acc.Findings[0].Code != audit.BodyMissing || *acc.Findings[0].Index != b.Index {
		t.Errorf("%+v", acc.Findings)
	}
	k.Close() // and is put back, so that the log passes its own check at the end
	k.Change(func(db *kv.DB) {
		batch := db.NewBatch()
		for key, value := range rows {
			batch.Set([]byte(key), value)
		}
		if err := batch.Commit(true); err != nil {
			t.Fatal(err)
		}
	})
	k.Open()
	k.listen()
	k.clean()
}

func TestPromiseRoutesRefuse(t *testing.T) {
	k := keep(t)
	b := k.submit("acme", "run-1")
	k.Submit(k.Issuer.Receipt("run-private", func(c *receipt.Credential) {
		c.CredentialSubject.Build.PolicyGates[0].Decision = receipt.Deny
	}))
	size := k.Size()
	good := api.RulesRequest{Class: entry.ClassLog, Asked: "records"}
	for name, tt := range map[string]struct {
		ask  func(c *api.Client) error
		key  string
		code verdict.Code
	}{
		"no key":        {func(c *api.Client) error { return second(c.SetRules(t.Context(), "acme", good)) }, "", api.CodeUnauthorized},
		"unknown key":   {func(c *api.Client) error { return second(c.SetRules(t.Context(), "acme", good)) }, "nobody's", api.CodeUnauthorized},
		"auditor's key": {func(c *api.Client) error { return second(c.SetRules(t.Context(), "acme", good)) }, k.auditor, api.CodeForbidden},
		"unknown class": {func(c *api.Client) error {
			return second(c.SetRules(t.Context(), "acme", api.RulesRequest{Class: "x", Asked: "r"}))
		}, k.operator, verdict.Malformed},
		"nobody asked": {func(c *api.Client) error {
			return second(c.SetRules(t.Context(), "acme", api.RulesRequest{Class: "log"}))
		}, k.operator, verdict.Malformed},
		"period not ISO 8601": {func(c *api.Client) error {
			return second(c.SetRules(t.Context(), "acme", api.RulesRequest{Class: "period", Period: "2 years", Asked: "r"}))
		}, k.operator, verdict.Malformed},
		"below the floor": {func(c *api.Client) error {
			return second(c.SetRules(t.Context(), "acme", api.RulesRequest{Class: "period", Period: "P180D", Asked: "r"}))
		}, k.operator, rules.RulesBelowFloor},
		"hold of nobody": {func(c *api.Client) error {
			return second(c.Hold(t.Context(), api.HoldRequest{Action: "placed", Org: "nobody", Basis: "b", Asked: "a"}))
		}, k.operator, verdict.NotLogged},
		"lift of nothing": {func(c *api.Client) error {
			return second(c.Hold(t.Context(), api.HoldRequest{Action: "lifted", Lifts: &b.Index, Basis: "b", Asked: "a"}))
		}, k.operator, rules.HoldUnknown},
		"erasure, no basis": {func(c *api.Client) error {
			return second(c.Erase(t.Context(), api.ErasureRequest{Org: "acme", RunID: "run-1", Asked: "a"}))
		}, k.operator, verdict.Malformed},
		"erasure, no receipt": {func(c *api.Client) error {
			return second(c.Erase(t.Context(), api.ErasureRequest{Org: "acme", RunID: "run-9", Legal: "l", Asked: "a"}))
		}, k.operator, verdict.NotLogged},
		"erasure of a document": {func(c *api.Client) error {
			return second(c.Erase(t.Context(), api.ErasureRequest{Org: "acme", Indices: []uint64{0}, Legal: "l", Asked: "a"}))
		}, k.operator, verdict.NotLogged},
		"erasure beyond the end": {func(c *api.Client) error {
			return second(c.Erase(t.Context(), api.ErasureRequest{Org: "acme", Indices: []uint64{99}, Legal: "l", Asked: "a"}))
		}, k.operator, verdict.NotLogged},
		"too many bodies": {func(c *api.Client) error { return c.Bodies(t.Context(), 0, 257, func(api.Body) error { return nil }) }, "", verdict.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			p, ok := errors.AsType[*api.Problem](tt.ask(k.client(tt.key)))
			if !ok || p.Code != tt.code {
				t.Errorf("answered %v, want %s", p, tt.code)
			}
		})
	}
	if k.Size() != size {
		t.Errorf("%d entries were appended", k.Size()-size)
	}
	// Without a key a private body is not shown, and the auditor says so.
	k.store.Close()
	k.store = logtest.Must(audit.OpenDir(filepath.Join(t.TempDir(), "stranger")))
	a := logtest.Must(audit.New(audit.Options{Policy: k.Policy, Log: k.client(""), Store: k.store, Now: k.now}))
	acc := logtest.Must(a.Run(t.Context()))
	if acc.Bodies.NotChecked != 1 || acc.Bodies.Present != 1 || acc.Outcome() != account.Clean {
		t.Errorf("%+v", acc.Bodies)
	}
}

func second[T any](_ T, err error) error { return err }

func TestRulesAreRead(t *testing.T) {
	k := keep(t)
	k.submit("acme", "run-1")
	got := logtest.Must(k.client(k.operator).Rules(t.Context(), "acme"))
	if got.Rules != nil || got.Org != "acme" || len(got.Holds) != 0 {
		t.Errorf("%+v", got)
	}
	set := logtest.Must(k.client(k.operator).SetRules(t.Context(), "acme", api.RulesRequest{Class: "period", Period: "P2Y", Notice: "P60D", Asked: "records"}))
	hold := logtest.Must(k.client(k.operator).Hold(t.Context(), api.HoldRequest{Action: "placed", Org: "acme", Basis: "b", Asked: "a"}))
	got = logtest.Must(k.client(k.operator).Rules(t.Context(), "acme"))
	if got.Rules == nil || got.Rules.Index != set.Index || !strings.Contains(string(got.Rules.Entry), `"notice":"P60D"`) || !slices.Equal(got.Holds, []uint64{hold.Index}) {
		t.Errorf("%+v", got)
	}
}
