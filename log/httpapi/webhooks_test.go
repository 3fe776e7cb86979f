package httpapi_test

import (
	"bytes"
	"encoding/json/v2"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	wire "github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/webhook"
)

// webhook returns the route of a receiver of that organisation, anew each time.
func (s *server) webhook(org string) string {
	s.T.Helper()
	hooks := s.Log.Webhooks()
	for _, old := range hooks.List() {
		if old.Org == org {
			if err := hooks.Remove(old.ID); err != nil {
				s.T.Fatal(err)
			}
		}
	}
	r, _, err := hooks.Add(webhook.Receiver{Name: "of " + org, Org: org, Shape: webhook.ShapeGeneric, URL: "https://hooks.invalid/token-in-path", Events: []string{"gate.denied"}})
	if err != nil {
		s.T.Fatal(err)
	}
	return api.WebhookRoute(r.ID)
}

// A receiver is added, shown without what is secret in it, given another secret and
// removed; each act is on the trail.
func TestWebhooksAreManaged(t *testing.T) {
	s := serve(t)
	admin := s.key("", api.ScopeAdmin, api.ScopeAuditRead)
	send := func(method, path, body string, status int, into any) []byte {
		t.Helper()
		a := s.do(method, path, []byte(body), "Content-Type", api.MediaJSON, "Authorization", "Bearer "+admin)
		if a.StatusCode != status {
			t.Fatalf("%s %s: %s %s", method, path, a.Status, a.Body)
		}
		if into != nil {
			if err := json.Unmarshal(a.Body, into, json.RejectUnknownMembers(true)); err != nil {
				t.Fatalf("%v: %s", err, a.Body)
			}
		}
		return a.Body
	}
	var added, rotated api.NewWebhook
	send("POST", api.RouteWebhooks, `{"name":"siem","shape":"generic","url":"https://hooks.invalid/very-secret-path","events":["jury.block","gate.denied"]}`, 201, &added)
	if _, err := wire.ParseSecret(added.Secret); err != nil || added.Host != "https://hooks.invalid" {
		t.Errorf("added %+v", added)
	}
	var pager api.NewWebhook
	key := strings.Repeat("k", 32)
	send("POST", api.RouteWebhooks, `{"name":"pager","org":"acme","shape":"pagerduty","routingKey":"`+key+`","events":["quorum.lost"]}`, 201, &pager)
	if pager.Secret != "" || pager.Host != "https://events.pagerduty.com" {
		t.Errorf("added %+v", pager)
	}
	send("POST", api.WebhookRoute(added.ID)+"/rotate", "", 200, &rotated)
	if rotated.Secret == added.Secret {
		t.Error("the secret stays")
	}
	send("POST", api.WebhookRoute(pager.ID)+"/rotate", "", 400, nil)
	send("POST", api.WebhookRoute(pager.ID)+"/test", "", 202, nil)
	var resent api.Resent
	send("POST", api.WebhookRoute(added.ID)+"/resend", `{"ids":["x"]}`, 200, &resent)
	var dead api.DeadListing
	send("GET", api.WebhookRoute(added.ID)+"/dead", "", 200, &dead)
	var listing api.WebhookListing
	shown := send("GET", api.RouteWebhooks, "", 200, &listing)
	shown = append(shown, send("GET", api.WebhookRoute(pager.ID), "", 200, nil)...)
	trail := send("GET", api.RouteTrail, "", 200, nil)
	for _, secret := range []string{"very-secret-path", key, added.Secret[6:], rotated.Secret[6:]} {
		if bytes.Contains(shown, []byte(secret)) || bytes.Contains(trail, []byte(secret)) {
			t.Errorf("%s is shown", secret)
		}
	}
	if len(listing.Webhooks) != 2 || listing.Webhooks[0].Events[0] != "gate.denied" {
		t.Errorf("lists %+v", listing)
	}
	send("DELETE", api.WebhookRoute(added.ID), "", 200, nil)
	send("GET", api.WebhookRoute(added.ID), "", 404, nil)
	for _, act := range []string{"webhook.add", "webhook.rotate", "webhook.resend", "webhook.remove"} {
		if page := logtest.Must(s.Log.Access().Trail(access.Console(), 0, 1000)); !strings.Contains(string(logtest.Must(json.Marshal(page))), `"`+act+`"`) {
			t.Errorf("%s is not on the trail", act)
		}
	}
	// An administrator of an organisation manages that one's, and no others.
	admin = s.key("acme", api.ScopeAdmin)
	listing = api.WebhookListing{}
	send("GET", api.RouteWebhooks, "", 200, &listing)
	if len(listing.Webhooks) != 1 || listing.Webhooks[0].ID != pager.ID {
		t.Errorf("lists %+v", listing)
	}
	send("POST", api.RouteWebhooks, `{"name":"all","shape":"generic","url":"https://hooks.invalid/","events":["gate.denied"]}`, 403, nil)
	for path, status := range map[string]int{
		"/01": 400, "/-1": 400, "/4294967296": 400, "/x": 400, "/": 404, "/1/": 404, "/1/dead/x": 404, "/1/nothing": 404, "/77": 404,
	} {
		send("GET", api.RouteWebhooks+path, "", status, nil)
	}
	for _, body := range []string{"", "{", `[]`, `{"nam":"x"}`, `{"name":"x","name":"y"}`, `{"name":1}`, `{"events":"gate.denied"}`} {
		send("POST", api.RouteWebhooks, body, http.StatusBadRequest, nil)
	}
}

// What a receiver is sent follows the document.
func TestMessagesFollowTheDocument(t *testing.T) {
	bodies := make(chan []byte, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- body
	}))
	defer receiver.Close()
	s := serve(t, func(o *log.Options) { o.Webhooks.AllowPrivate = true })
	_, c := s.document()
	schema, err := c.Compile("openapi.json#/components/schemas/WebhookMessage")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Log.Webhooks().Add(webhook.Receiver{Name: "x", Shape: webhook.ShapeGeneric, URL: receiver.URL, Events: webhook.Events})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Log.Webhooks().Try(r.ID); err != nil {
		t.Fatal(err)
	}
	s.Submit(s.Issuer.Receipt("run-1", func(c *receipt.Credential) {
		b := &c.CredentialSubject.Build
		b.PolicyGates = append(b.PolicyGates, receipt.Gate{ID: receipt.GateDispatch, Decision: receipt.Deny})
		b.Jury = &receipt.Jury{Verdict: receipt.Block}
	}))
	for range 5 { // the test, logged, completed, denied, blocked
		body := <-bodies
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// askWebhooks asks every route of webhooks, and has one message die.
func (c *conversation) askWebhooks(ask func(method, template, path string, body []byte, headers ...string) answer, admin []string) {
	c.T.Helper()
	var made api.NewWebhook
	a := ask("POST", api.RouteWebhooks, api.RouteWebhooks, []byte(`{"name":"n","org":"acme","shape":"generic","url":"https://127.0.0.1.invalid/","events":["gate.denied"],"onlyFailures":true}`), admin...)
	if err := json.Unmarshal(a.Body, &made); err != nil {
		c.T.Fatal(err)
	}
	one, path := api.RouteWebhooks+"/{id}", api.WebhookRoute(made.ID)
	ask("POST", api.RouteWebhooks, api.RouteWebhooks, []byte(`{"name":"n"}`), admin...)
	ask("POST", one+"/test", path+"/test", nil, admin...)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if s, err := c.Log.Webhooks().Get(made.ID); err != nil || s.Counts.Dead > 0 {
			break
		}
	}
	a = ask("GET", one+"/dead", path+"/dead", nil, admin...)
	if !bytes.Contains(a.Body, []byte(`"webhook.test"`)) {
		c.T.Errorf("nothing is dead: %s", a.Body)
	}
	ask("GET", api.RouteWebhooks, api.RouteWebhooks, nil, admin...)
	ask("GET", one, path, nil, admin...)
	ask("GET", one, api.WebhookRoute(made.ID+1), nil, admin...)
	ask("POST", one+"/resend", path+"/resend", []byte(`{}`), admin...)
	ask("POST", one+"/rotate", path+"/rotate", nil, admin...)
	ask("DELETE", one, path, nil, admin...)
	ask("DELETE", one, path, nil)
}
