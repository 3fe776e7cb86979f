package httpapi_test

import (
	"bytes"
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
)

// openAPI is the part of the document that tests look at.
type openAPI struct {
	OpenAPI    string                          `json:"openapi"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Parameters map[string]struct {
			Name string `json:"name"`
			In   string `json:"in"`
		} `json:"parameters"`
	} `json:"components"`
}

type operation struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Ref string `json:"$ref"`
	} `json:"parameters"`
	Responses map[string]any `json:"responses"`
	// Security lists ways to be let in, each of them one key with scopes.
	Security []map[string][]api.Scope `json:"security"`
}

// document fetches it from a running server, compiles its schemas, and returns
// both.
func (s *server) document() (openAPI, *jsonschema.Compiler) {
	s.T.Helper()
	a := s.get(api.RouteOpenAPI)
	var doc openAPI
	if err := json.Unmarshal(a.Body, &doc); err != nil || a.Header.Get("Content-Type") != api.MediaJSON || doc.OpenAPI != "3.1.0" {
		s.T.Fatalf("%s: %v", a.Status, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	if err != nil {
		s.T.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", value); err != nil {
		s.T.Fatal(err)
	}
	return doc, c
}

// Every operation of the document is a route and a method of the table, and the
// other way round; every part of a search is a parameter.
func TestOpenAPIIsTheTable(t *testing.T) {
	s := serve(t)
	doc, _ := s.document()
	var described, table []string
	wanted := map[string]string{}
	for _, n := range s.Handler.Needs() {
		table = append(table, n.Name)
		wanted[n.Name] = fmt.Sprint(n.Looks, n.Must, n.AnyScopes)
	}
	slices.Sort(table)
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			route, ok := s.Handler.RouteOf(fill(path))
			if !ok {
				t.Errorf("%s is not a route", path)
			}
			name := strings.ToUpper(method) + " " + route
			described = append(described, name)
			if got, want := op.asks(), wanted[name]; got != want {
				t.Errorf("%s: the document asks for %s, the table for %s", name, got, want)
			}
			if ids[op.ID] || op.ID == "" {
				t.Errorf("%s %s: operationId %q", method, path, op.ID)
			}
			ids[op.ID] = true
		}
	}
	slices.Sort(described)
	if !slices.Equal(described, table) {
		t.Errorf("the document has\n%q\nthe table\n%q", described, table)
	}
	var asked []string
	for _, p := range doc.Paths[api.RouteSearch]["get"].Parameters {
		known := doc.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		if known.In == "query" && known.Name != api.QueryCursor && known.Name != api.QueryLimit {
			asked = append(asked, known.Name)
		}
	}
	slices.Sort(asked)
	if names := slices.Sorted(slices.Values(search.Names())); !slices.Equal(asked, names) {
		t.Errorf("the document asks for %q, a query for %q", asked, names)
	}
}

// asks says what key an operation wants, in the words of a NeedsKey.
func (op *operation) asks() string {
	must := true
	var scopes []api.Scope
	for _, way := range op.Security {
		must = must && len(way) > 0
		scopes = append(scopes, way["key"]...)
	}
	return fmt.Sprint(len(op.Security) > 0, must && len(op.Security) > 0, scopes)
}

// fill puts something in place of the variable parts of a path.
func fill(path string) string {
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + "0" + after
	}
	return path
}

// conversation holds what a server answers to the document.
type conversation struct {
	*server
	doc      openAPI
	compiler *jsonschema.Compiler
	seen     map[string]bool // "GET /path 200 media"
}

// check holds one answer to the operation's responses: the status must be among
// them, with the media type, and each document must follow the schema.
func (c *conversation) check(path, method string, a answer) {
	c.T.Helper()
	what := fmt.Sprintf("%s %s: %d", method, path, a.StatusCode)
	op, ok := c.doc.Paths[path][strings.ToLower(method)]
	if !ok {
		c.T.Errorf("%s: not in the document", what)
		return
	}
	status := fmt.Sprint(a.StatusCode)
	at := "#/paths/" + pointer(path) + "/" + strings.ToLower(method) + "/responses/" + status
	response, ok := op.Responses[status].(map[string]any)
	if !ok {
		c.T.Errorf("%s: the document does not have this status: %s", what, clip(a.Body))
		return
	}
	if ref, ok := response["$ref"].(string); ok {
		at = ref
		response = c.resolve(ref)
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(a.Body) != 0 {
			c.T.Errorf("%s: has a body: %s", what, clip(a.Body))
		}
		return
	}
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	if content[media] == nil {
		c.T.Errorf("%s: the document does not have the media type %q", what, media)
		return
	}
	c.seen[method+" "+path+" "+status] = true
	schema, err := c.compiler.Compile("openapi.json" + at + "/content/" + pointer(media) + "/schema")
	if err != nil {
		c.T.Fatal(err)
	}
	for _, text := range documents(media, a.Body) {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			c.T.Errorf("%s: %v: %s", what, err, clip(text))
			continue
		}
		if err := schema.Validate(value); err != nil {
			c.T.Errorf("%s: %v\n%s", what, err, clip(text))
		}
	}
}

// documents cuts a body into JSON documents. What is not JSON is a string.
func documents(media string, body []byte) (all [][]byte) {
	switch {
	case media == api.MediaNDJSON:
		for line := range bytes.Lines(body) {
			all = append(all, line)
		}
	case strings.HasSuffix(media, "json") || media == api.MediaCredential:
		all = [][]byte{body}
	default:
		text, _ := json.Marshal(string(bytes.ToValidUTF8(body, []byte("?"))))
		all = [][]byte{text}
	}
	return all
}

func pointer(s string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
}

func (c *conversation) resolve(ref string) map[string]any {
	var doc map[string]any
	if err := json.Unmarshal(httpapi.OpenAPI, &doc); err != nil {
		c.T.Fatal(err)
	}
	node := doc
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		node, _ = node[name].(map[string]any)
	}
	return node
}

// What a running server answers, good and bad, follows the document, and every
// route has been asked.
func TestOpenAPIAnswersFollowTheSchemas(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.Webhooks.Delays = []time.Duration{} }) // one attempt, and dead
	c := &conversation{server: s, seen: map[string]bool{}}
	c.doc, c.compiler = s.document()
	const runs = api.RouteReceipts + "/{runId}"
	ask := func(method, template, path string, body []byte, headers ...string) answer {
		t.Helper()
		a := s.do(method, path, body, headers...)
		c.check(template, method, a)
		return a
	}
	get := func(template, path string, headers ...string) answer {
		t.Helper()
		return ask(http.MethodGet, template, path, nil, headers...)
	}
	vc, ndjson, doc := []string{"Content-Type", api.MediaCredential}, []string{"Content-Type", api.MediaNDJSON}, []string{"Content-Type", api.MediaJSON}
	one := s.Issuer.Receipt("run-1", by("acme", "m"))
	for _, r := range []struct {
		body    []byte
		headers []string
	}{
		{one, vc}, {one, vc}, {s.Issuer.Receipt("run-2"), append(vc, "Prefer", "respond-async")},
		{[]byte("{"), vc}, {[]byte(`{}`), vc}, {one, nil}, {bytes.Replace(one, []byte("acme"), []byte("acne"), 1), vc},
		{slices.Concat(one, []byte("\n{}\n"), s.Issuer.Receipt("run-1", by("other", "m"))), ndjson},
		{one, append(vc, "Idempotency-Key", "")},
	} {
		ask(http.MethodPost, api.RouteReceipts, api.RouteReceipts, r.body, r.headers...)
	}
	s.Submit(s.Issuer.Receipt("run-private", privateOf("umbrella")))
	get(runs, api.RunRoute("run-1")) // two receipts
	receiptAnswer := get(runs, api.RunRoute("run-2"))
	get(runs, api.RunRoute("run-2"), "If-None-Match", receiptAnswer.Header.Get("ETag"))
	get(runs, api.RunRoute("run-private"))
	get(runs, api.RunRoute("run-2")+"?x=1")
	get(runs+"/bundle", api.BundleRoute("run-1"))
	get(runs+"/bundle", api.BundleRoute("run-2"))
	get(runs+"/bundle", api.BundleRoute("run-2")+"?format=tlog-proof")
	get(runs+"/bundle", api.BundleRoute("nobody"))
	get(api.RouteVerifyExternal, api.RouteVerifyExternal)
	ask(http.MethodPost, api.RouteVerifyExternal, api.RouteVerifyExternal, slices.Concat([]byte(`{"receipt":`), receiptAnswer.Body, []byte("}")), doc...)
	ask(http.MethodPost, api.RouteVerifyExternal, api.RouteVerifyExternal, []byte("{"), doc...)
	get(api.RouteExport, api.RouteExport)
	exporter := []string{"Authorization", "Bearer " + s.key("acme", api.ScopeReceiptsExport), "Content-Type", api.MediaJSON}
	for _, r := range []string{`{"org":"acme","from":"2026-05-01T00:00:00Z"}`, `{"org":"umbrella"}`, `{"orgs":"acme"}`} {
		ask(http.MethodPost, api.RouteExport, api.RouteExport, []byte(r), exporter...)
	}
	get(api.RouteSearch, api.RouteSearch)
	get(api.RouteSearch, api.RouteSearch+"?limit=1")
	get(api.RouteSearch, api.RouteSearch+"?model=none")
	get(api.RouteSearch, api.RouteSearch, "Accept", api.MediaNDJSON)
	get(api.RouteSearch, api.RouteSearch+"?cursor=x")
	get(api.RouteBodies, api.RouteBodies+"?first=0&count=20")
	get(api.RouteBodies, api.RouteBodies)
	get(api.RouteCheckpoint, api.RouteCheckpoint)
	get("/tile/{path}", "/tile/entries/000.p/1")
	get("/tile/{path}", "/tile/0/000.p/1")
	get("/tile/{path}", "/tile/0/999")
	get(api.RouteHistory, api.RouteHistory)
	get(api.RouteHistory, api.RouteHistory+"?limit=0")
	get(api.RouteHealth, api.RouteHealth)
	get(api.RouteReady, api.RouteReady)
	get(api.RouteOpenAPI, api.RouteOpenAPI)
	key := []string{"Authorization", "Bearer " + s.operator, "Content-Type", api.MediaJSON}
	rules := api.RouteOrgs + "/{org}/retention"
	ask(http.MethodPut, rules, api.RetentionRoute("acme"), []byte(`{"class":"log","asked":"a"}`), key...)
	ask(http.MethodPut, rules, api.RetentionRoute("acme"), []byte(`{"class":"x","asked":"a"}`), key...)
	ask(http.MethodPut, rules, api.RetentionRoute("acme"), []byte(`{}`), doc...)
	get(rules, api.RetentionRoute("acme"), key...)
	get(rules, api.RetentionRoute("acme"))
	ask(http.MethodPost, api.RouteHolds, api.RouteHolds, []byte(`{"action":"place","org":"acme","basis":"b","asked":"a"}`), key...)
	ask(http.MethodPost, api.RouteErasures, api.RouteErasures, []byte(`{"org":"umbrella","runId":"run-private","legal":"l","asked":"a"}`), key...)
	ask(http.MethodPost, api.RouteErasures, api.RouteErasures, []byte(`{`), key...)
	admin := []string{"Authorization", "Bearer " + s.key("", api.ScopeAdmin), "Content-Type", api.MediaJSON}
	var made api.NewKey
	a := ask(http.MethodPost, api.RouteKeys, api.RouteKeys, []byte(`{"name":"n","org":"acme","scopes":["receipts:read"],"rate":5}`), admin...)
	if err := json.Unmarshal(a.Body, &made); err != nil {
		t.Fatal(err)
	}
	ask(http.MethodPost, api.RouteKeys, api.RouteKeys, []byte(`{"name":"n","scopes":["none"]}`), admin...)
	oneKey := api.RouteKeys + "/{id}"
	get(api.RouteKeys, api.RouteKeys, admin...)
	get(api.RouteKeys, api.RouteKeys)
	get(oneKey, api.KeyRoute(made.ID), admin...)
	get(oneKey, api.KeyRoute("0000000000000000"), admin...)
	ask(http.MethodPost, oneKey+"/rotate", api.KeyRoute(made.ID)+"/rotate", []byte(`{}`), admin...)
	ask(http.MethodPost, oneKey+"/rotate", api.KeyRoute(made.ID)+"/rotate", []byte(`{}`), admin...)
	ask(http.MethodDelete, oneKey, api.KeyRoute(made.ID), nil, admin...)
	c.askWebhooks(ask, admin)
	get(api.RouteTrail, api.RouteTrail+"?limit=3", key...)
	get(api.RouteTrail, api.RouteTrail, key...)
	get(api.RouteTrail, api.RouteTrail, admin...)
	s.Resolver.Break(errors.New("connection refused"))
	for named := false; !named; time.Sleep(10 * time.Millisecond) {
		named = bytes.Contains(get(api.RouteReady, api.RouteReady).Body, []byte(`"issuers"`))
		if t.Context().Err() != nil || t.Failed() {
			break
		}
	}
	s.Resolver.Break(nil) // for the checks at the end
	for path, item := range c.doc.Paths {
		for method, op := range item {
			asked := false
			for status := range op.Responses {
				asked = asked || c.seen[strings.ToUpper(method)+" "+path+" "+status]
			}
			if !asked && path != api.RouteMetrics {
				t.Errorf("%s %s was not asked", method, path)
			}
		}
	}
}

// A key is good for one receipt, for as long as it is remembered, and changes
// nothing else.
func TestIdempotencyKey(t *testing.T) {
	s := serve(t)
	one, two := s.Issuer.Receipt("run-1"), s.Issuer.Receipt("run-2")
	for i, want := range []int{http.StatusCreated, http.StatusOK, http.StatusOK} {
		if a := s.submit(one, "Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324"); a.StatusCode != want {
			t.Errorf("time %d: %s", i, a.Status)
		}
	}
	s.wantProblem(s.submit(two, "Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324"), http.StatusUnprocessableEntity, api.CodeIdempotencyReused)
	if a := s.get(api.RunRoute("run-2")); a.StatusCode != http.StatusNotFound {
		t.Error("the receipt that was refused is logged")
	}
	if a := s.submit(two, "Idempotency-Key", "other"); a.StatusCode != http.StatusCreated {
		t.Error(a.Status)
	}
	for _, bad := range []string{"", strings.Repeat("k", 256), "with blank", "\xff"} {
		s.wantProblem(s.submit(one, "Idempotency-Key", bad), http.StatusBadRequest, "malformed")
	}
	s.wantProblem(s.submit(one, "Idempotency-Key", "a", "Idempotency-Key", "b"), http.StatusBadRequest, "malformed")
}
