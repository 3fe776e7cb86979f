package webhook_test

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	wire "github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/webhook"
)

// Everything that a receipt gives rise to is told, signed, once its proof can be
// had, and each under an ID of its own.
func TestReceiptsAreTold(t *testing.T) {
	w, e := logtest.New(t, quick), newEar(t)
	_, secret := add(w, e.URL, "", webhook.Events...)
	b := w.Submit(w.Issuer.Receipt("run-1", troubled))
	heard := e.wait("five messages", func(all []got) bool { return len(all) >= 5 })
	if want := map[string]int{"receipt.logged": 1, "build/project.run.completed": 1, "gate.denied": 1, "jury.block": 1, "eval.failed": 1}; !maps.Equal(types(heard), want) {
		t.Errorf("heard %v", types(heard))
	}
	ids := make(map[string]bool)
	for _, g := range heard {
		ids[g.ID] = true
		if err := wire.Verify(secret, g.Header.Get, g.Body, time.Now()); err != nil {
			t.Errorf("%s: %v", g.Message.Type, err)
		}
		d := g.Message.Data
		if *d.Index != b.Index || d.RunID != "run-1" || d.Org != "acme" || d.Log != logtest.Origin || d.Verdict != "block" || d.Outcome != wire.Failed ||
			!slices.Equal(d.GatesDenied, []string{"github.write-branch"}) || !slices.Equal(d.EvalsFailed, []string{"secrets"}) || !slices.Equal(d.Models, []string{"maker/m@1"}) {
			t.Errorf("%s tells %s", g.Message.Type, g.Body)
		}
	}
	if len(ids) != len(heard) {
		t.Errorf("%d messages have %d IDs", len(heard), len(ids))
	}
	until(t, "an empty queue", func() bool { return w.Log.Webhooks().List()[0].Queued == 0 })
	// What was logged before is not told again.
	w.Submit(w.Issuer.Receipt("run-1", troubled))
	w.Submit(w.Issuer.Receipt("run-2"))
	heard = e.wait("two more", func(all []got) bool { return len(all) >= 7 })
	if types(heard)["receipt.logged"] != 2 || types(heard)["gate.denied"] != 1 {
		t.Errorf("heard %v", types(heard))
	}
}

// A receiver of an organisation hears of its own receipts only, private or not; and
// that of publication is no gate to call somebody for.
func TestOrganisationsAreApart(t *testing.T) {
	w, acme, globex := logtest.New(t, quick), newEar(t), newEar(t)
	add(w, acme.URL, "acme", "receipt.logged", "gate.denied")
	add(w, globex.URL, "globex", "receipt.logged", "gate.denied")
	w.Submit(w.Issuer.Receipt("run-a", logtest.Private))
	w.Submit(w.Issuer.Receipt("run-g", ofOrg("globex"), logtest.Private))
	w.Submit(w.Issuer.Receipt("run-g2", ofOrg("globex")))
	globex.wait("its two", func(all []got) bool { return len(all) >= 2 })
	acme.wait("its one", func(all []got) bool { return len(all) >= 1 })
	until(t, "empty queues", func() bool {
		return !slices.ContainsFunc(w.Log.Webhooks().List(), func(s webhook.Status) bool { return s.Queued > 0 })
	})
	for org, e := range map[string]*ear{"acme": acme, "globex": globex} {
		for _, g := range e.all() {
			if g.Message.Data.Org != org || g.Message.Type != "receipt.logged" || strings.Contains(string(g.Body), map[string]string{"acme": "run-g", "globex": "run-a"}[org]) {
				t.Errorf("%s hears %s", org, g.Body)
			}
		}
	}
}

// What fails is tried as often as it should be, under one ID; then it is dead, is
// listed, and can be sent again.
func TestRetriesThenDeadThenResent(t *testing.T) {
	w, e := logtest.New(t, quick), newEar(t)
	e.answer(http.StatusInternalServerError)
	r, _ := add(w, e.URL, "", "receipt.logged")
	w.Submit(w.Issuer.Receipt("run-1"))
	hooks := w.Log.Webhooks()
	until(t, "a dead message", func() bool { return hooks.List()[0].Dead == 1 })
	heard := e.all()
	if len(heard) != 4 || heard[0].ID != heard[3].ID {
		t.Errorf("%d attempts, of %v", len(heard), heard)
	}
	dead := logtest.Must(hooks.Dead(r.ID))
	if len(dead) != 1 || dead[0].ID != heard[0].ID || dead[0].Event != "receipt.logged" || dead[0].Attempts != 4 || dead[0].Reason != "its host answered with status 500" {
		t.Errorf("dead: %+v", dead)
	}
	if s := hooks.List()[0]; s.FailingSince.IsZero() || s.Reason != dead[0].Reason {
		t.Errorf("status: %+v", s)
	}
	e.answer(http.StatusOK)
	if n, err := hooks.Resend(r.ID, []string{"msg_of_another"}); n != 0 || err != nil {
		t.Errorf("resent %d, %v", n, err)
	}
	if n, err := hooks.Resend(r.ID, []string{dead[0].ID}); n != 1 || err != nil {
		t.Errorf("resent %d, %v", n, err)
	}
	e.wait("it again", func(all []got) bool { return len(all) == 5 && all[4].ID == dead[0].ID })
	until(t, "nothing left", func() bool { s := hooks.List()[0]; return s.Dead == 0 && s.Queued == 0 && s.FailingSince.IsZero() })
}

// 410 says that the receiver wants no more of this, and is not asked again.
func TestGoneIsDeadAtOnce(t *testing.T) {
	w, e := logtest.New(t, quick), newEar(t)
	e.answer(http.StatusGone)
	add(w, e.URL, "", "receipt.logged")
	w.Submit(w.Issuer.Receipt("run-1"))
	until(t, "a dead message", func() bool { return w.Log.Webhooks().List()[0].Dead == 1 })
	if n := len(e.all()); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// What waits is told after a restart, and what was told is not.
func TestQueueOutlivesTheProcess(t *testing.T) {
	w, e := logtest.New(t, quick, func(o *log.Options) {
		o.Webhooks.Delays = []time.Duration{time.Second, time.Hour}
	}), newEar(t)
	e.answer(http.StatusServiceUnavailable)
	add(w, e.URL, "", "receipt.logged")
	w.Submit(w.Issuer.Receipt("run-1"))
	first := e.one("receipt.logged")
	w.Close()
	e.answer(http.StatusOK)
	w.Open()
	e.wait("it again", func(all []got) bool { return len(all) >= 2 && all[len(all)-1].ID == first.ID })
	until(t, "an empty queue", func() bool { return w.Log.Webhooks().List()[0].Queued == 0 })
	n := len(e.all())
	w.Close()
	w.Open()
	w.Submit(w.Issuer.Receipt("run-2"))
	if all := e.wait("the second", func(all []got) bool { return len(all) > n }); len(all) != n+1 || all[n].Message.Data.RunID != "run-2" {
		t.Errorf("heard %v", types(all[n:]))
	}
}

// A queue that is full takes nothing more, no submission is refused for it, and the
// receiver is told what it missed.
func TestFullQueueOwnsUp(t *testing.T) {
	w, e := logtest.New(t, quick, func(o *log.Options) {
		o.Webhooks.Outbox.Queue = 10
		o.Webhooks.Delays = []time.Duration{300 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond, time.Second, time.Second}
	}), newEar(t)
	e.answer(http.StatusBadGateway)
	add(w, e.URL, "", "receipt.logged")
	w.Fill(40)
	s := w.Log.Webhooks().List()[0]
	if s.Queued > 10 || s.Missed != 40-uint64(s.Queued) {
		t.Errorf("%d queued, %d missed", s.Queued, s.Missed)
	}
	// It is known after a restart.
	w.Close()
	w.Open()
	if again := w.Log.Webhooks().List()[0]; again.Missed != s.Missed {
		t.Errorf("%d missed after a restart, %d before", again.Missed, s.Missed)
	}
	e.answer(http.StatusOK)
	g := e.one("webhook.missed")
	if g.Message.Data.Count != s.Missed || *g.Message.Data.From > *g.Message.Data.To || *g.Message.Data.To > 40 {
		t.Errorf("tells %s", g.Body)
	}
	until(t, "all delivered", func() bool { s := w.Log.Webhooks().List()[0]; return s.Queued == 0 && s.Missed == 0 })
	told := make(map[uint64]bool)
	for _, g := range e.all() {
		if g.Message.Type == "receipt.logged" {
			told[*g.Message.Data.Index] = true
		}
	}
	if len(told) != s.Queued {
		t.Errorf("%d told, %d were queued", len(told), s.Queued)
	}
}

// Secrets are exchanged without a gap: for a day both sign.
func TestRotate(t *testing.T) {
	now := time.Now()
	w, e := logtest.New(t, quick, func(o *log.Options) { o.Clock = func() time.Time { return now } }), newEar(t)
	r, before := add(w, e.URL, "", "receipt.logged")
	after := logtest.Must(wire.ParseSecret(logtest.Must(w.Log.Webhooks().Rotate(r.ID))))
	w.Submit(w.Issuer.Receipt("run-1"))
	g := e.one("receipt.logged")
	for _, s := range []wire.Secret{before, after} {
		if err := wire.Verify(s, g.Header.Get, g.Body, now); err != nil {
			t.Error(err)
		}
	}
	w.Close()
	now = now.Add(25 * time.Hour)
	w.Open()
	w.Submit(w.Issuer.Receipt("run-2"))
	g = e.wait("the second", func(all []got) bool { return len(all) == 2 })[1]
	if err := wire.Verify(after, g.Header.Get, g.Body, now); err != nil {
		t.Error(err)
	}
	if wire.Verify(before, g.Header.Get, g.Body, now) == nil {
		t.Error("the former secret still signs after a day")
	}
}

func TestSlack(t *testing.T) {
	w, e := logtest.New(t, quick), newEar(t)
	if _, secret, err := w.Log.Webhooks().Add(webhook.Receiver{Name: "s", Shape: webhook.ShapeSlack, URL: e.URL, Events: []string{"build/project.run.completed"}, OnlyFailures: true}); secret != "" || err != nil {
		t.Fatal(secret, err)
	}
	w.Submit(w.Issuer.Receipt("run-0"))
	w.Submit(w.Issuer.Receipt("run-1", troubled, func(c *receipt.Credential) {
		c.CredentialSubject.Build.Evals.Checks[1].ID = "<!channel> & all"
	}))
	g := e.wait("one", func(all []got) bool { return len(all) > 0 })[0]
	want := `{"text":"run run-1 in https://git.example/shop failed: the jury blocked it; denied by github.write-branch; failed &lt;!channel&gt; &amp; all"}`
	if string(g.Body) != want || g.Header.Get("Webhook-Signature") != "" {
		t.Errorf("got  %s\nwant %s", g.Body, want)
	}
}

func TestPagerDuty(t *testing.T) {
	w, e := logtest.New(t, quick, func(o *log.Options) {
		o.Webhooks.StaleAfter, o.Webhooks.WatchEvery, o.RepublishInterval = 500*time.Millisecond, 20*time.Millisecond, time.Hour
	}), newEar(t)
	key := strings.Repeat("k", 32)
	hooks := w.Log.Webhooks()
	if _, _, err := hooks.Add(webhook.Receiver{Name: "p", Shape: webhook.ShapePagerDuty, URL: e.URL, RoutingKey: key, Events: []string{"build/project.run.completed", "checkpoint.stale"}}); err != nil {
		t.Fatal(err)
	}
	w.Submit(w.Issuer.Receipt("run-0")) // nobody is called for a run that succeeded
	w.Submit(w.Issuer.Receipt("run-1", troubled))
	type event struct {
		RoutingKey  string `json:"routing_key"`
		EventAction string `json:"event_action"`
		DedupKey    string `json:"dedup_key"`
		Payload     struct {
			Summary   string    `json:"summary"`
			Source    string    `json:"source"`
			Severity  string    `json:"severity"`
			Class     string    `json:"class"`
			Component string    `json:"component"`
			Group     string    `json:"group"`
			Timestamp time.Time `json:"timestamp"`
		} `json:"payload"`
	}
	parse := func(g got) (ev event) {
		if err := json.Unmarshal(g.Body, &ev); err != nil || ev.RoutingKey != key || ev.Payload.Source != logtest.Origin || ev.Payload.Timestamp.IsZero() {
			t.Errorf("%v: %s", err, g.Body)
		}
		return ev
	}
	failed := parse(e.wait("a failed run", func(all []got) bool { return len(all) >= 1 })[0])
	if failed.EventAction != "trigger" || failed.Payload.Severity != "error" || failed.Payload.Class != "build/project.run.completed" || failed.Payload.Component != "shop" || failed.Payload.Group != "acme" {
		t.Errorf("%+v", failed)
	}
	// What began and ended is one incident.
	stale := parse(e.wait("a stale checkpoint", func(all []got) bool { return len(all) >= 2 })[1])
	w.Submit(w.Issuer.Receipt("run-2"))
	fresh := parse(e.wait("a fresh one", func(all []got) bool { return len(all) >= 3 })[2])
	if stale.EventAction != "trigger" || stale.Payload.Severity != "critical" || fresh.EventAction != "resolve" || stale.DedupKey != fresh.DedupKey || stale.DedupKey == failed.DedupKey {
		t.Errorf("stale %+v, fresh %+v", stale, fresh)
	}
}

// An alarm that was told is not told again after a restart, and its end is.
func TestAlarmsOutliveTheProcess(t *testing.T) {
	w, e := logtest.New(t, quick, func(o *log.Options) {
		o.Webhooks.StaleAfter, o.Webhooks.WatchEvery, o.RepublishInterval = 500*time.Millisecond, 20*time.Millisecond, time.Hour
	}), newEar(t)
	add(w, e.URL, "acme", "checkpoint.stale") // the log as a whole is everybody's
	w.Submit(w.Issuer.Receipt("run-1"))
	stale := e.one("checkpoint.stale")
	until(t, "an empty queue", func() bool { return w.Log.Webhooks().List()[0].Queued == 0 })
	w.Close()
	w.Open()
	time.Sleep(time.Second) // it is stale again, which is no news
	w.Submit(w.Issuer.Receipt("run-2"))
	fresh := e.one("checkpoint.fresh")
	if n := types(e.all()); n["checkpoint.stale"] != 1 || !fresh.Message.Data.Since.Equal(stale.Message.Data.Since) {
		t.Errorf("heard %v, since %v and %v", n, stale.Message.Data.Since, fresh.Message.Data.Since)
	}
}

func TestReceiversAreChecked(t *testing.T) {
	w := logtest.New(t) // no private addresses
	good := webhook.Receiver{Name: "n", Shape: webhook.ShapeGeneric, URL: "https://hooks.example/x", Events: []string{"receipt.logged"}}
	for member, change := range map[string]func(*webhook.Receiver){
		"name":         func(r *webhook.Receiver) { r.Name = "" },
		"name ":        func(r *webhook.Receiver) { r.Name = "a\nb" },
		"org":          func(r *webhook.Receiver) { r.Org = strings.Repeat("o", 129) },
		"shape":        func(r *webhook.Receiver) { r.Shape = "teams" },
		"url":          func(r *webhook.Receiver) { r.URL = "" },
		"url http":     func(r *webhook.Receiver) { r.URL = "http://hooks.example/x" },
		"url file":     func(r *webhook.Receiver) { r.URL = "file:///etc/passwd" },
		"url user":     func(r *webhook.Receiver) { r.URL = "https://a:b@hooks.example/" },
		"url fragment": func(r *webhook.Receiver) { r.URL = "https://hooks.example/#x" },
		"url long":     func(r *webhook.Receiver) { r.URL += strings.Repeat("x", 2048) },
		"url loopback": func(r *webhook.Receiver) { r.URL = "https://127.0.0.1/" },
		"url metadata": func(r *webhook.Receiver) { r.URL = "https://169.254.169.254/latest" },
		"url mapped":   func(r *webhook.Receiver) { r.URL = "https://[::ffff:10.0.0.1]/" },
		"events":       func(r *webhook.Receiver) { r.Events = nil },
		"events what":  func(r *webhook.Receiver) { r.Events = []string{"receipt.erased"} },
		"events own":   func(r *webhook.Receiver) { r.Events = []string{"webhook.missed"} },
		"routingKey":   func(r *webhook.Receiver) { r.RoutingKey = strings.Repeat("k", 32) },
		"routingKey ":  func(r *webhook.Receiver) { r.Shape, r.RoutingKey = webhook.ShapePagerDuty, "short" },
		"events pager": func(r *webhook.Receiver) { r.Shape, r.RoutingKey = webhook.ShapePagerDuty, strings.Repeat("k", 32) },
	} {
		r := good
		change(&r)
		_, _, err := w.Log.Webhooks().Add(r)
		coded, ok := errors.AsType[*verdict.Error](err)
		if !ok || coded.Code != verdict.Malformed || coded.Path != strings.Fields(member)[0] {
			t.Errorf("%s: %v", member, err)
		}
	}
	for i := range webhook.MaxReceivers + 1 {
		r := good
		r.Name = fmt.Sprint(i)
		if i < 11 {
			r.Org = "acme"
		}
		_, _, err := w.Log.Webhooks().Add(r)
		if refused := i == 10 || i > webhook.MaxReceivers; (verdict.CodeOf(err) == verdict.TooLarge) != refused {
			t.Errorf("receiver %d: %v", i, err)
		}
	}
}
