package report

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestOSCALFollowsThePublishedSchema validates assessment results by NIST's own
// schema, which no package registry has: give its file, of the release assets of
// usnistgov/OSCAL, as $OSCAL_SCHEMA. TestOSCAL checks without it what it asks for.
func TestOSCALFollowsThePublishedSchema(t *testing.T) {
	name := os.Getenv("OSCAL_SCHEMA")
	if name == "" {
		t.Skip("$OSCAL_SCHEMA names no file")
	}
	raw := must(os.ReadFile(name))
	c := jsonschema.NewCompiler()
	if err := c.AddResource("oscal.json", must(jsonschema.UnmarshalJSON(bytes.NewReader(raw)))); err != nil {
		t.Fatal(err)
	}
	schema := must(c.Compile("oscal.json"))
	w := newWorld(t)
	for name, r := range map[string]*Controls{"with exceptions": w.report(usual, w.many(20)...), "empty": w.report(usual)} {
		document := must(jsonschema.UnmarshalJSON(bytes.NewReader(must(r.OSCAL()))))
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(document.(map[string]any)["assessment-results"].(map[string]any), "uuid")
		if schema.Validate(document) == nil {
			t.Errorf("%s: without what the schema wants it is valid too", name)
		}
	}
}
