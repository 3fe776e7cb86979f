package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json/v2"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	uuidForm  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	tokenForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]*$`)
)

// oscalChecker walks a document and checks what the published schema asks of
// every value, and what a schema cannot say: that references lead somewhere.
type oscalChecker struct {
	t          *testing.T
	defined    map[string]bool
	references []string
}

func (c *oscalChecker) walk(at, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			c.t.Errorf("%s is empty", at)
		}
		for name, v := range v {
			c.walk(at+"."+name, name, v)
		}
	case []any:
		if len(v) == 0 {
			c.t.Errorf("%s is empty", at)
		}
		for i, v := range v {
			c.walk(fmt.Sprintf("%s[%d]", at, i), name, v)
		}
	case string:
		if v == "" || strings.TrimSpace(v) != v {
			c.t.Errorf("%s is %q", at, v)
		}
		c.name(at, name, v)
	default:
		c.t.Errorf("%s is a %T", at, v)
	}
}

func (c *oscalChecker) name(at, name, v string) {
	switch name {
	case "uuid":
		if !uuidForm.MatchString(v) || c.defined[v] {
			c.t.Errorf("%s: %s is no UUID of its own", at, v)
		}
		c.defined[v] = true
	case "id", "name", "control-id", "target-id":
		if !tokenForm.MatchString(v) {
			c.t.Errorf("%s: %q is no token", at, v)
		}
		if name == "id" {
			c.defined[v] = true
		}
		if name == "target-id" {
			c.references = append(c.references, v)
		}
	case "actor-uuid", "observation-uuid":
		c.references = append(c.references, v)
	case "href":
		c.references = append(c.references, strings.TrimPrefix(v, "#"))
	}
}

func TestOSCAL(t *testing.T) {
	w := newWorld(t)
	for name, r := range map[string]*Controls{"with exceptions": w.report(usual, w.many(20)...), "empty": w.report(usual)} {
		data := must(r.OSCAL())
		if !bytes.Equal(data, must(r.OSCAL())) {
			t.Errorf("%s: not the same twice", name)
		}
		var document map[string]any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		c := &oscalChecker{t: t, defined: map[string]bool{}}
		c.walk("$", "", document)
		for _, ref := range c.references {
			if !c.defined[ref] {
				t.Errorf("%s: %s leads nowhere", name, ref)
			}
		}
		results := document["assessment-results"].(map[string]any)["results"].([]any)[0].(map[string]any)
		if n := len(results["findings"].([]any)); n != 19 {
			t.Errorf("%s: %d findings", name, n)
		}
		for _, f := range results["findings"].([]any) {
			state := f.(map[string]any)["target"].(map[string]any)["status"].(map[string]any)["state"]
			standing := f.(map[string]any)["props"].([]any)[0].(map[string]any)["value"]
			if (state == "satisfied") != (standing == string(Supported)) {
				t.Errorf("%s: %v is %v", name, standing, state)
			}
		}
	}
}

func TestCSV(t *testing.T) {
	w := newWorld(t)
	bundles := w.many(20)
	r := w.report(usual, append(bundles, []byte("{}"))...)
	r.Vendors[0].Provider = "=cmd|' /C calc'!A0" // as a malicious issuer might
	data := must(r.CSV())
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for i, row := range rows {
		kinds[row[0]]++
		for _, cell := range row {
			if i > 0 && cell != "" && strings.ContainsAny(cell[:1], "=+-@\t") {
				t.Errorf("row %d has the formula %q", i, cell)
			}
		}
	}
	if !slices.Equal(rows[0], csvHeader) {
		t.Errorf("header %v", rows[0])
	}
	for kind, want := range map[string]int{"control": 19, "exception": 27, "rejected": 1, "vendor": 2, "model": 3, "configuration": 2, "change": 2, "issuer": 1, "sample": 54} {
		if kinds[kind] != want {
			t.Errorf("%d rows of %s, want %d", kinds[kind], kind, want)
		}
	}
}
