package httpapi_test

import (
	"bytes"
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/kv"
)

// key makes a key as the operator at the machine does.
func (s *server) key(org string, scopes ...api.Scope) string {
	s.T.Helper()
	return s.keyAs(api.KeyRequest{Name: "a test", Org: org, Scopes: scopes}).Secret
}

func (s *server) keyAs(q api.KeyRequest) *api.NewKey {
	s.T.Helper()
	key, err := s.Log.Access().Create(access.Console(), q)
	if err != nil {
		s.T.Fatal(err)
	}
	return key
}

func (s *server) makeKeys() {
	s.operator = s.key("", api.ScopeReceiptsRead, api.ScopeRetentionWrite, api.ScopeAuditRead)
	s.auditor = s.key("", api.ScopeReceiptsRead, api.ScopeAuditRead)
}

// probe is a good request of one route.
type probe struct {
	path    string
	body    string
	headers []string
	// org: the request is about the organisation acme alone, so that a key of
	// another one is refused. Where it is not, the answer must not show acme.
	org bool
}

// probes has one request for every route and method of the server. Those that
// would change something are made such that they fail behind the door.
func probes(s *server, keyID string) map[string]probe {
	asJSON := []string{"Content-Type", api.MediaJSON}
	secretRun := api.RunRoute("run-private")
	hook := s.webhook("acme")
	return map[string]probe{
		"GET checkpoint":       {path: api.RouteCheckpoint},
		"GET tile":             {path: "/tile/0/000.p/2"},
		"GET history":          {path: api.RouteHistory},
		"GET healthz":          {path: api.RouteHealth},
		"GET readyz":           {path: api.RouteReady},
		"GET metrics":          {path: api.RouteMetrics},
		"POST verify_external": {path: api.RouteVerifyExternal, body: `{"receipt":{}}`, headers: asJSON},
		"POST submit":          {path: api.RouteReceipts, body: string(s.private("run-private")), headers: []string{"Content-Type", api.MediaCredential}, org: true},
		"GET receipt":          {path: secretRun},
		"GET verify_external":  {path: api.RouteVerifyExternal},
		"GET export":           {path: api.RouteExport},
		"POST export":          {path: api.RouteExport, body: `{"org":"acme","to":"2001-01-01T00:00:00Z"}`, headers: asJSON, org: true},
		"GET bundle":           {path: secretRun + "/bundle"},
		"GET openapi":          {path: api.RouteOpenAPI},
		"GET search":           {path: api.RouteSearch},
		"GET bodies":           {path: api.RouteBodies + "?first=0&count=10"},
		"GET retention":        {path: api.RetentionRoute("acme"), org: true},
		"PUT retention":        {path: api.RetentionRoute("acme"), body: `{"class":"none","asked":"x"}`, headers: asJSON, org: true},
		"POST holds":           {path: api.RouteHolds, body: `{"action":"placed","org":"acme","basis":"","asked":""}`, headers: asJSON, org: true},
		"POST erasures":        {path: api.RouteErasures, body: `{"org":"acme","runId":"run-nowhere","legal":"x","asked":"x"}`, headers: asJSON, org: true},
		"GET trail":            {path: api.RouteTrail},
		"GET keys":             {path: api.RouteKeys},
		"POST keys":            {path: api.RouteKeys, body: `{"name":"x","org":"acme","scopes":["none"]}`, headers: asJSON, org: true},
		"GET key":              {path: api.KeyRoute(keyID), org: true},
		"DELETE key":           {path: api.KeyRoute(keyID), org: true},
		"GET webhooks":         {path: api.RouteWebhooks},
		"POST webhooks":        {path: api.RouteWebhooks, body: `{"name":"x","org":"acme","shape":"none","events":[]}`, headers: asJSON, org: true},
		"GET webhook":          {path: hook, org: true},
		"DELETE webhook":       {path: hook, org: true},
		"POST webhook_rotate":  {path: hook + "/rotate", headers: asJSON, org: true},
		"POST webhook_test":    {path: hook + "/test", headers: asJSON, org: true},
		"POST webhook_resend":  {path: hook + "/resend", body: `{}`, headers: asJSON, org: true},
		"GET webhook_dead":     {path: hook + "/dead", org: true},
		"POST key_rotate":      {path: api.KeyRoute(keyID) + "/rotate", body: `{"until":"2001-01-01T00:00:00Z"}`, headers: asJSON, org: true},
	}
}

// private returns a receipt of acme that is not public; the same one each time.
func (s *server) private(run string) []byte {
	return s.Issuer.Receipt(run, logtest.Private, logtest.Summary("a secret of acme"))
}

// plain is what of an answer must be the same for all who may not see more.
func plain(a answer) string {
	h := a.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		h.Del(name)
	}
	return fmt.Sprintf("%d %v %s", a.StatusCode, h, a.Body)
}

// TestEveryRouteWithEveryWrongKey walks all routes with every key that is wrong
// for it, and the right one. A route that the table or this test forgets fails.
func TestEveryRouteWithEveryWrongKey(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-public", func(c *receipt.Credential) { c.CredentialSubject.Build.Org = "other" }))
	s.Submit(s.private("run-private"))
	if extra := s.Handler.Undocumented(); extra != nil {
		t.Errorf("rows that no route has: %q", extra)
	}
	ended := s.endedKeys()
	var open []string
	for _, requireKeys := range []bool{false, true} {
		s.Handler.RequireKeys(requireKeys)
		for _, n := range s.Handler.Needs() {
			if !n.Looks && !requireKeys {
				open = append(open, n.Name)
			}
			t.Run(fmt.Sprintf("%s requireKeys=%v", n.Name, requireKeys), func(t *testing.T) {
				must := n.Must || n.IfSo && requireKeys
				s.walk(t, n, must, ended)
			})
		}
	}
	slices.Sort(open)
	// Whoever adds a route to these has thought about it.
	if want := []string{"GET checkpoint", "GET healthz", "GET history", "GET metrics", "GET openapi", "GET readyz", "GET tile", "POST verify_external"}; !slices.Equal(open, want) {
		t.Errorf("routes that do not look at keys: %q, want %q", open, want)
	}
}

// endedKeys were good for everything once.
type endedKeys struct{ revoked, expired string }

func (s *server) endedKeys() endedKeys {
	revoked := s.keyAs(api.KeyRequest{Name: "x", Scopes: api.Scopes})
	expired := s.keyAs(api.KeyRequest{Name: "x", Scopes: api.Scopes, Expires: time.Now().Add(2 * time.Second)})
	logtest.Must(s.Log.Access().Revoke(access.Console(), revoked.ID))
	for time.Now().Before(expired.Expires) {
		time.Sleep(10 * time.Millisecond)
	}
	return endedKeys{revoked.Secret, expired.Secret}
}

func (s *server) walk(t *testing.T, n httpapi.NeedsKey, must bool, ended endedKeys) {
	theirs := s.keyAs(api.KeyRequest{Name: "of acme", Org: "acme", Scopes: []api.Scope{api.ScopeReceiptsRead}})
	p, ok := probes(s, theirs.ID)[n.Name]
	if !ok {
		t.Fatal("this test knows no request for this route")
	}
	method, _, _ := strings.Cut(n.Name, " ")
	send := func(key string) answer {
		headers := slices.Clone(p.headers)
		if key != "" {
			headers = append(headers, "Authorization", "Bearer "+key)
		}
		return s.do(method, p.path, []byte(p.body), headers...)
	}
	anybody := send("")
	if refused := anybody.StatusCode == http.StatusUnauthorized; refused != must {
		t.Errorf("without a key: %s %s", anybody.Status, clip(anybody.Body))
	}
	if !must && bytes.Contains(anybody.Body, []byte("a secret of acme")) && method == http.MethodGet {
		t.Error("anybody is shown a private receipt")
	}

	right := n.AnyScopes
	if right == nil {
		right = api.Scopes
	}
	good := s.keyAs(api.KeyRequest{Name: "x", Scopes: right})
	for name, key := range map[string]string{
		"garbage": "garbage", "of nobody": "rl_0123456789abcdef_" + strings.Repeat("A", 43), "cut off": good.Secret[:len(good.Secret)-1],
		"revoked": ended.revoked, "expired": ended.expired,
	} {
		a := send(key)
		if !n.Looks {
			if a.StatusCode != anybody.StatusCode {
				t.Errorf("%s key where none is looked at: %s", name, a.Status)
			}
			continue
		}
		if a.StatusCode != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" || bytes.Contains(a.Body, []byte(key)) {
			t.Errorf("%s key: %s %s", name, a.Status, clip(a.Body))
		}
	}

	var others []api.Scope
	for _, scope := range api.Scopes {
		if !slices.Contains(n.AnyScopes, scope) {
			others = append(others, scope)
		}
	}
	s.wantNoMore(t, n, send(s.key("", others...)), anybody, must, "every other scope")
	if a := send(s.key("other", right...)); p.org && n.Looks {
		wantRefused(t, a, "another organisation")
	} else if bytes.Contains(a.Body, []byte("a secret of acme")) || bytes.Contains(a.Body, []byte(`"acme"`)) {
		t.Errorf("with a key of another organisation: %s", clip(a.Body))
	} else if n.Looks && !must {
		s.wantNoMore(t, n, a, anybody, must, "another organisation")
	}

	for _, org := range []string{"acme", ""} {
		for _, scope := range right {
			if a := send(s.key(org, scope)); a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden {
				t.Errorf("the right key, with %s for %q: %s %s", scope, org, a.Status, clip(a.Body))
			}
		}
	}
}

// wantNoMore wants an answer with a key that does not help: refused where a key
// is a must, else what anybody gets.
func (s *server) wantNoMore(t *testing.T, n httpapi.NeedsKey, a, anybody answer, must bool, key string) {
	switch {
	case !n.Looks || n.Name == "GET metrics":
	case must || n.IfSo:
		wantRefused(t, a, key)
	case strings.Replace(plain(a), "private, no-cache", "public, no-cache", 1) != plain(anybody):
		t.Errorf("with a key of %s:\n%s\nwithout:\n%s", key, plain(a), plain(anybody))
	}
}

func wantRefused(t *testing.T, a answer, key string) {
	t.Helper()
	var p api.Problem
	err := json.Unmarshal(a.Body, &p)
	if err != nil || !(a.StatusCode == http.StatusForbidden && p.Code == api.CodeForbidden || a.StatusCode == http.StatusNotFound && (p.Code == api.CodeNoSuchKey || p.Code == api.CodeNoSuchWebhook)) {
		t.Errorf("with a key of %s: %s %s", key, a.Status, clip(a.Body))
	}
}

// TestOneKeyOneHeader: a key is read from one field in one form only.
func TestOneKeyOneHeader(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		headers []string
		status  int
	}{
		{[]string{"Authorization", "Bearer " + s.auditor}, http.StatusOK},
		{[]string{"Authorization", "bearer " + s.auditor}, http.StatusOK}, // RFC 9110: schemes ignore case
		{[]string{"Authorization", s.auditor}, http.StatusUnauthorized},
		{[]string{"Authorization", "Bearer  " + s.auditor}, http.StatusUnauthorized},
		{[]string{"Authorization", "Basic " + s.auditor}, http.StatusUnauthorized},
		{[]string{"Authorization", "Bearer " + s.auditor, "Authorization", "Bearer " + s.auditor}, http.StatusUnauthorized},
		{[]string{"Cookie", "key=" + s.auditor}, http.StatusUnauthorized},
		{[]string{"X-Api-Key", s.auditor}, http.StatusUnauthorized},
	} {
		if a := s.get(api.RouteTrail, tt.headers...); a.StatusCode != tt.status {
			t.Errorf("%q: %s, want %d", tt.headers, a.Status, tt.status)
		}
	}
	if a := s.get(api.RouteTrail+"?key="+s.auditor, "Authorization", "Bearer "+s.auditor); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a key in the address: %s", a.Status)
	}
}

// TestPrivateReceiptsAreForTheirOrganisation reads private receipts as their own
// organisation, another, an auditor and anybody. Who may not see one gets, to the
// byte, the answer for one that does not exist.
func TestPrivateReceiptsAreForTheirOrganisation(t *testing.T) {
	s := serve(t)
	s.Submit(s.private("run-private"))
	s.Submit(s.Issuer.Receipt("run-both"))
	s.Submit(s.private("run-both"))
	s.Submit(s.Issuer.Receipt("run-other", logtest.Private, func(c *receipt.Credential) { c.CredentialSubject.Build.Org = "other" }))
	own, other := s.key("acme", api.ScopeReceiptsRead), s.key("other", api.ScopeReceiptsRead)
	unknown := s.key("nobody-knows", api.ScopeReceiptsRead)
	for _, suffix := range []string{"", "/bundle", "?index=1", "/bundle?index=1", "/bundle?format=tlog-proof"} {
		get := func(method, run, key string) answer {
			path := api.RunRoute(run) + suffix
			if key == "" {
				return s.do(method, path, nil)
			}
			return s.do(method, path, nil, "Authorization", "Bearer "+key)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for name, key := range map[string]string{"anybody": "", "other": other, "unknown": unknown} {
				if forbidden, absent := plain(get(method, "run-private", key)), plain(get(method, "run-nowhere", key)); forbidden != absent {
					t.Errorf("%s %s%s by %s:\n%s\nabsent:\n%s", method, "run-private", suffix, name, forbidden, absent)
				}
			}
			for name, key := range map[string]string{"own": own, "auditor": s.auditor} {
				a := get(method, "run-private", key)
				if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "private, no-cache" || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Authorization") {
					t.Errorf("%s %s%s by %s: %s %v", method, "run-private", suffix, name, a.Status, a.Header)
				}
			}
		}
	}
	if a := s.get(api.RunRoute("run-both"), "Authorization", "Bearer "+own); a.StatusCode != http.StatusMultipleChoices {
		t.Errorf("both receipts of a run, by their organisation: %s", a.Status)
	}
	if a := s.get(api.RunRoute("run-both")); a.StatusCode != http.StatusOK || bytes.Contains(a.Body, []byte("a secret of acme")) {
		t.Errorf("the public receipt of the run, by anybody: %s", a.Status)
	}
	count := func(key string) map[string]int {
		counts := make(map[string]int)
		headers := []string{}
		if key != "" {
			headers = []string{"Authorization", "Bearer " + key}
		}
		for line := range bytes.Lines(s.get(api.RouteBodies+"?first=0&count=10", headers...).Body) {
			switch {
			case bytes.Contains(line, []byte(`"status":403`)):
				counts["private"]++
			case bytes.Contains(line, []byte(`"status":200`)):
				counts["shown"]++
			}
		}
		return counts
	}
	for key, want := range map[string]map[string]int{
		"": {"shown": 1, "private": 3}, own: {"shown": 3, "private": 1}, other: {"shown": 2, "private": 2}, s.auditor: {"shown": 4}, unknown: {"shown": 1, "private": 3},
	} {
		if got := count(key); !maps.Equal(got, want) {
			t.Errorf("bodies: %v, want %v", got, want)
		}
	}
}

// TestForbiddenReadsNothing rots a private body: who may not see it cannot tell,
// since it is not read for him.
func TestForbiddenReadsNothing(t *testing.T) {
	s := serve(t)
	b := s.Submit(s.private("run-private"))
	other, own := s.key("other", api.ScopeReceiptsRead), s.key("acme", api.ScopeReceiptsRead)
	s.Close()
	undo := s.Rot(kv.BodyKey(b.Index), kv.BodyKey(b.Index+1), 1)
	s.Open()
	s.listen()
	for _, key := range []string{"", other} {
		headers := []string{"Authorization", "Bearer " + key}
		if key == "" {
			headers = nil
		}
		if forbidden, absent := plain(s.get(api.RunRoute("run-private"), headers...)), plain(s.get(api.RunRoute("run-nowhere"), headers...)); forbidden != absent {
			t.Errorf("%s\nabsent:\n%s", forbidden, absent)
		}
	}
	if a := s.get(api.RunRoute("run-private"), "Authorization", "Bearer "+own); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("the test does not see that the body is read: %s", a.Status)
	}
	s.Close()
	undo()
}

// TestErasureOfPrivateReceipt: its own organisation is told that it was erased,
// others as before that there is none.
func TestErasureOfPrivateReceipt(t *testing.T) {
	k := keep(t)
	k.Submit(k.private("run-private"))
	boss := k.key("acme", api.ScopeRetentionWrite, api.ScopeAuditRead)
	own, other := k.key("acme", api.ScopeReceiptsRead), k.key("other", api.ScopeReceiptsRead, api.ScopeRetentionWrite)
	for _, ask := range []api.ErasureRequest{{Org: "other", RunID: "run-private"}, {Org: "other", RunID: "run-nowhere"}, {Org: "acme", RunID: "run-private"}} {
		ask.Legal, ask.Asked = "x", "x"
		_, err := k.client(other).Erase(t.Context(), ask)
		if p, ok := errors.AsType[*api.Problem](err); !ok || p.Code != verdict.NotLogged && p.Code != api.CodeForbidden {
			t.Errorf("another organisation erases: %v", err)
		}
	}
	if _, err := k.client(boss).Erase(t.Context(), api.ErasureRequest{Org: "acme", RunID: "run-private", Legal: "GDPR Article 17", Asked: "case 31"}); err != nil {
		t.Fatal(err)
	}
	get := func(key, run string) answer { return k.get(api.RunRoute(run), "Authorization", "Bearer "+key) }
	k.eventually("it is gone", func() bool { return get(own, "run-private").StatusCode == http.StatusGone })
	if erased, absent := plain(get(other, "run-private")), plain(get(other, "run-nowhere")); erased != absent {
		t.Errorf("another organisation is told:\n%s\nabsent:\n%s", erased, absent)
	}
	page, err := k.client(boss).Trail(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, act := range page.Acts {
		if act.Act == "retention.erase" {
			told = append(told, act.Org+" "+act.Detail)
		}
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "acme asked: 1 receipts; GDPR") || !strings.HasPrefix(told[1], "acme done: entry ") {
		t.Errorf("the trail of acme says %q", told)
	}
	page, err = k.client(k.auditor).Trail(t.Context(), 0, 100)
	if err != nil || !slices.ContainsFunc(page.Acts, func(a api.Act) bool { return a.Org == "other" && strings.Contains(a.Detail, "") }) {
		t.Errorf("the auditor's trail: %+v, %v", page, err)
	}
}

// TestHoldsOfOneOrganisation: a key of one organisation places and lifts holds of
// that one, and learns nothing of others'.
func TestHoldsOfOneOrganisation(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-acme"))
	s.Submit(s.Issuer.Receipt("run-other", func(c *receipt.Credential) { c.CredentialSubject.Build.Org = "other" }))
	client := func(key string) *api.Client {
		return logtest.Must(api.New(s.URL, api.Options{Token: key, Attempts: 1}))
	}
	acme, other := client(s.key("acme", api.ScopeRetentionWrite)), client(s.key("other", api.ScopeRetentionWrite))
	placed := logtest.Must(acme.Hold(t.Context(), api.HoldRequest{Action: "placed", Org: "acme", Basis: "b", Asked: "a"}))
	absent := uint64(999)
	_, foreign := other.Hold(t.Context(), api.HoldRequest{Action: "lifted", Lifts: &placed.Index, Basis: "b", Asked: "a"})
	_, missing := other.Hold(t.Context(), api.HoldRequest{Action: "lifted", Lifts: &absent, Basis: "b", Asked: "a"})
	if foreign == nil || missing == nil || foreign.Error() != missing.Error() {
		t.Errorf("another's hold: %v; none: %v", foreign, missing)
	}
	for _, r := range []api.HoldRequest{{Org: "acme"}, {Ranges: [][2]uint64{{0, 5}}}, {Org: "other", Ranges: [][2]uint64{{0, 5}}}, {}} {
		r.Action, r.Basis, r.Asked = "placed", "b", "a"
		_, err := other.Hold(t.Context(), r)
		if p, ok := errors.AsType[*api.Problem](err); !ok || p.Code != api.CodeForbidden {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := acme.Hold(t.Context(), api.HoldRequest{Action: "lifted", Lifts: &placed.Index, Basis: "b", Asked: "a"}); err != nil {
		t.Error(err)
	}
}

// TestSubmitWithKey holds submitters to their organisation and their quota, one
// receipt at a time and in batches.
func TestSubmitWithKey(t *testing.T) {
	s := serve(t)
	s.Handler.RequireKeys(true)
	key := s.keyAs(api.KeyRequest{Name: "ci", Org: "acme", Scopes: []api.Scope{api.ScopeReceiptsWrite}, Quota: 3})
	with := []string{"Authorization", "Bearer " + key.Secret}
	s.wantProblem(s.submit(s.Issuer.Receipt("run-0")), http.StatusUnauthorized, api.CodeUnauthorized)
	if a := s.submit(s.Issuer.Receipt("run-1"), with...); a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, clip(a.Body))
	}
	s.wantProblem(s.submit(s.Issuer.Receipt("run-2", func(c *receipt.Credential) { c.CredentialSubject.Build.Org = "other" }), with...), http.StatusForbidden, api.CodeForbidden)
	s.wantProblem(s.submit([]byte("{}"), with...), http.StatusUnprocessableEntity, verdict.SchemaInvalid)
	var lines []byte
	for i := range 4 {
		lines = append(append(lines, s.Issuer.Receipt(fmt.Sprint("run-batch-", i))...), '\n')
	}
	a := s.do(http.MethodPost, api.RouteReceipts, lines, append(with, "Content-Type", api.MediaNDJSON)...)
	counts := map[int]int{}
	for data := range bytes.Lines(a.Body) {
		var line api.Line
		if err := json.Unmarshal(data, &line); err != nil {
			t.Fatal(err)
		}
		counts[line.Status]++
	}
	if counts[http.StatusCreated] != 2 || counts[http.StatusTooManyRequests] != 2 {
		t.Errorf("with two receipts left, a batch of four gives %v", counts)
	}
	a = s.submit(s.Issuer.Receipt("run-3"), with...)
	s.wantProblem(a, http.StatusTooManyRequests, api.CodeQuotaExceeded)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestRateLimitIsAnswered(t *testing.T) {
	s := serve(t)
	key := s.keyAs(api.KeyRequest{Name: "wild", Scopes: []api.Scope{api.ScopeAuditRead}, Rate: 1})
	var a answer
	for range 3 {
		a = s.get(api.RouteTrail, "Authorization", "Bearer "+key.Secret)
	}
	s.wantProblem(a, http.StatusTooManyRequests, api.CodeRateLimited)
	if a.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	if a := s.get(api.RouteTrail, "Authorization", "Bearer "+s.auditor); a.StatusCode != http.StatusOK {
		t.Errorf("another key is slowed too: %s", a.Status)
	}
}

// TestKeysOverTheWire takes a key through its life with the client.
func TestKeysOverTheWire(t *testing.T) {
	s := serve(t)
	client := func(key string) *api.Client {
		return logtest.Must(api.New(s.URL, api.Options{Token: key, Attempts: 1}))
	}
	admin := client(s.key("", api.ScopeAdmin))
	made := logtest.Must(admin.CreateKey(t.Context(), api.KeyRequest{Name: "audit", Scopes: []api.Scope{api.ScopeAuditRead}, Expires: time.Now().Add(time.Hour)}))
	next := logtest.Must(admin.RotateKey(t.Context(), made.ID, api.RotateRequest{Until: time.Now().Add(time.Minute)}))
	for _, key := range []string{made.Secret, next.Secret} {
		logtest.Must(client(key).Trail(t.Context(), 0, 1))
	}
	logtest.Must(admin.RevokeKey(t.Context(), made.ID))
	if _, err := client(made.Secret).Trail(t.Context(), 0, 1); err == nil {
		t.Error("a revoked key is good")
	}
	keys := logtest.Must(admin.Keys(t.Context()))
	at := slices.IndexFunc(keys, func(k api.Key) bool { return k.ID == made.ID })
	if at < 0 || keys[at].Revoked.IsZero() || keys[at].ReplacedBy != next.ID || keys[at].LastUsed.IsZero() {
		t.Errorf("%+v", keys)
	}
	if a := s.get(api.RouteKeys, "Authorization", "Bearer "+s.auditor); strings.Contains(string(a.Body), made.ID) {
		t.Errorf("%s", clip(a.Body))
	}
	page := logtest.Must(client(next.Secret).Trail(t.Context(), 0, 1000))
	var acts []string
	for _, act := range page.Acts[len(page.Acts)-3:] {
		acts = append(acts, act.Act)
	}
	if !slices.Equal(acts, []string{"key.create", "key.rotate", "key.revoke"}) {
		t.Errorf("%q", acts)
	}
}

func FuzzParseTrailQuery(f *testing.F) {
	for _, q := range []string{"", "from=0", "limit=1000", "from=1&limit=2", "from=1&from=2", "limit=0", "x=y", "%"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		_, limit, err := httpapi.ParseTrailQuery(raw)
		if err == nil && (limit < 1 || limit > api.MaxTrailLines) {
			t.Errorf("%q: limit %d", raw, limit)
		}
	})
}
