package receipt

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("receipt.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// sameVerdict holds Parse and the schema to the same verdict on strict JSON,
// and returns it.
func sameVerdict(t *testing.T, schema *jsonschema.Schema, what string, data []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	bySchema := schema.Validate(value)
	_, byTypes := Parse(data)
	if (bySchema == nil) != (byTypes == nil) {
		t.Errorf("%s:\nthe schema says %v\nParse says %v", what, bySchema, byTypes)
	}
	if byTypes != nil && verdict.CodeOf(byTypes) != verdict.SchemaInvalid {
		t.Errorf("%s: code %s (%v)", what, verdict.CodeOf(byTypes), byTypes)
	}
	return byTypes
}

// specimen is a receipt with every field, proof set included. Of elements that
// are alike it keeps one, for speed.
func specimen(t *testing.T) map[string]any {
	t.Helper()
	var tree map[string]any
	signed := sign(t, sign(t, read(t, "full.json"), 1, SignOptions{}), 2, SignOptions{Add: true})
	if err := json.Unmarshal(signed, &tree); err != nil {
		t.Fatal(err)
	}
	tree["proof"].([]any)[0].(map[string]any)["expires"] = "2030-01-01T00:00:00Z"
	trim(tree["credentialSubject"])
	return tree
}

// trim cuts every array of objects down to its last element, which in the
// example is the one with all members, and composite to one score.
func trim(value any) {
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	for name, value := range object {
		if list, ok := value.([]any); ok {
			object[name] = list[len(list)-1:]
		}
		if name == "composite" {
			object[name] = map[string]any{"safety": 0.99}
		}
		trim(value)
	}
}

// place is one value in a tree: how to set it, and to drop it.
type place struct {
	path  string
	value any
	set   func(any)
	drop  func()
}

// places walks a tree and yields every value below its root.
func places(path string, value any, yield func(place)) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			old := value[name]
			at := strings.TrimPrefix(path+"."+name, ".")
			yield(place{at, old, func(v any) { value[name] = v }, func() { delete(value, name) }})
			places(at, old, yield)
		}
	case []any:
		for i, old := range value {
			at := path + "[" + strconv.Itoa(i) + "]"
			yield(place{at, old, func(v any) { value[i] = v }, nil})
			places(at, old, yield)
		}
	}
}

var indices = regexp.MustCompile(`\[[0-9]+\]`)

// strangersFor lists what is put in the place of a value: each type, the edges
// of each range, and near misses of the form that the value has.
func strangersFor(value any) []any {
	list := slices.Concat(kinds, words)
	text, ok := value.(string)
	if !ok {
		return append(list, collections()...)
	}
	list = append(list, lengths...)
	if strings.Contains(text, " ") { // prose, whose bound takes its time to reach
		list = append(list, strings.Repeat("é", maxProse), strings.Repeat("x", maxProse+1))
	}
	if isStamp(text) {
		list = append(list, stamps...)
	}
	if isURI(text) {
		list = append(list, uris...)
	}
	if isLowerHex(text) {
		list = append(list, hexes()...)
	}
	return list
}

var kinds = []any{
	nil, true, false, 0, 1, -1, 0.5, 1.0000001, -0.0000001, 1e300, 7,
	[]any{}, []any{""}, []any{"x"}, []any{1}, []any{nil}, []any{map[string]any{}},
	map[string]any{}, map[string]any{"x": 1}, map[string]any{"": 1}, map[string]any{"x": "y"},
}

var words = []any{
	"", " ", "x", "\u0000", "x\n", "é", "approve", "allow", "builder", "added", "APPROVE",
	".", "..", "-x", "x/y", "x~y", "x%20y", strings.Repeat("h", maxHandle), strings.Repeat("h", maxHandle+1),
	"did:x:y", "https://x", "2026-05-12T10:00:00Z", strings.Repeat("a", 64),
}

var uris = []any{
	"did:", "did:x", "did:x:", "did:X:y", "did:x:y:", "did:x::y", "did:x:y#z", "did:x:%4", "did:x:%4G", "did:x:%4a", "did:x:y/z", "did:x:é",
	"did:x:" + strings.Repeat("y", did.MaxLength-6), "did:x:" + strings.Repeat("y", did.MaxLength-5),
	"http://", "https://", "http://x", "https://x/y?z#ü", "HTTPS://x", "ftp://x", "javascript:x", "urn:x", ":x", "1a:x", "a+b.c-1:x", "a b:x", "x:", "x: ", "x:[]", `x:"`, "x:<",
	"https://" + strings.Repeat("x", maxURI-8), "https://" + strings.Repeat("x", maxURI-7), "x:" + strings.Repeat("y", maxURI-1),
	ContextCredentials, ContextReceipt,
}

func hexes() (list []any) {
	for _, n := range []int{39, 40, 41, 63, 64, 65} {
		list = append(list, strings.Repeat("a", n), strings.Repeat("A", n), strings.Repeat("g", n), strings.Repeat("1", n-1)+"\n")
	}
	return list
}

// lengths are at and over the bounds, which count characters and not bytes.
var lengths = []any{
	strings.Repeat("x", maxShort+1), strings.Repeat("😀", maxShort), strings.Repeat("😀", maxShort) + "x",
	strings.Repeat("x", maxLine+1), strings.Repeat("😀", maxLine), strings.Repeat("😀", maxLine) + "x",
	strings.Repeat("x", maxPath+1), strings.Repeat("😀", maxPath), strings.Repeat("😀", maxPath) + "x",
}

func collections() []any {
	list := []any{
		[]any{ContextCredentials}, []any{ContextReceipt, ContextCredentials}, []any{ContextCredentials, ContextReceipt, map[string]any{}},
		[]any{TypeCredential}, []any{TypeReceipt, TypeCredential}, []any{TypeReceipt, TypeCredential, ""},
	}
	for _, n := range []int{maxProofs, maxProofs + 1, maxDimensions, maxDimensions + 1, maxContexts - 2, maxContexts - 1} {
		scores, proofs := map[string]any{}, []any{}
		contexts, types := []any{ContextCredentials, ContextReceipt}, []any{TypeCredential, TypeReceipt}
		for i := range n {
			scores[fmt.Sprint("d", i)] = 0.5
			proofs = append(proofs, map[string]any{"type": "x", "proofPurpose": "y", "verificationMethod": "did:x:y#z"})
			contexts, types = append(contexts, "urn:x"), append(types, "x")
		}
		list = append(list, scores, proofs, contexts, types)
	}
	return list
}

// stamps are good times and near misses.
var stamps = []any{
	"2026-05-12T10:00:00Z", "2026-05-12T10:00:00.1Z", "2026-05-12T10:00:00.123456789Z", "2026-05-12T10:00:00.1234567890Z",
	"2026-05-12T10:00:00+14:00", "2026-05-12T10:00:00-14:00", "2026-05-12T10:00:00+14:01", "2026-05-12T10:00:00+13:59", "2026-05-12T10:00:00+13:60", "2026-05-12T10:00:00+00:00",
	"2026-05-12T10:00:00", "2026-05-12T10:00Z", "2026-05-12", "2026-05-12 10:00:00Z", "2026-05-12t10:00:00Z", "2026-05-12T10:00:00z", "2026-05-12T10:00:00.Z", "2026-05-12T10:00:00,5Z", "2026-05-12T1:00:00Z", "2026-05-12T10:00:00+1:00", "2026-05-12T10:00:00Z ", "2026-05-12T10:00:00ZZ", "2026-05-12T10:00:00+0100",
	"2026-05-12T24:00:00Z", "2026-05-12T23:59:60Z", "2026-05-12T23:59:59Z", "2026-05-12T23:60:59Z", "2026-05-12T00:00:00Z",
	"2026-00-12T10:00:00Z", "2026-13-12T10:00:00Z", "2026-05-00T10:00:00Z", "2026-05-32T10:00:00Z", "2026-01-31T10:00:00Z", "2026-04-31T10:00:00Z", "2026-06-30T10:00:00Z", "2026-09-31T10:00:00Z", "2026-11-31T10:00:00Z", "2026-12-31T10:00:00Z",
	"2026-02-29T10:00:00Z", "2026-02-28T10:00:00Z", "2024-02-29T10:00:00Z", "2024-02-30T10:00:00Z", "2000-02-29T10:00:00Z", "1900-02-29T10:00:00Z", "2100-02-29T10:00:00Z", "2400-02-29T10:00:00Z", "0000-02-29T10:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "12026-05-12T10:00:00Z", "-2026-05-12T10:00:00Z", "026-05-12T10:00:00Z",
}

// Every optional branch of a receipt is mutated next to the required members
// alone: the receipts stay small, and the test fast.
func TestSchemaAndTypesAgree(t *testing.T) {
	schema := compileSchema(t)
	whole, err := json.Marshal(specimen(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := sameVerdict(t, schema, "the specimen", whole); err != nil {
		t.Fatalf("the specimen is refused: %v", err)
	}
	build := specimen(t)["credentialSubject"].(map[string]any)["build"].(map[string]any)
	for _, branch := range slices.Concat([]string{"", "proof"}, slices.Sorted(maps.Keys(build))) {
		t.Run("branch "+branch, func(t *testing.T) {
			t.Parallel()
			mutate(t, schema, branchOf(specimen(t), branch), branch)
		})
	}
}

// branchOf drops all that is optional, except the proof or the member of build
// called branch.
func branchOf(tree map[string]any, branch string) map[string]any {
	if branch != "proof" {
		delete(tree, "proof")
	}
	build := tree["credentialSubject"].(map[string]any)["build"].(map[string]any)
	maps.DeleteFunc(build, func(name string, _ any) bool {
		return name != branch && name != "runId" && name != "org" && name != "diff"
	})
	return tree
}

// mutate puts strangers in the place of every value of a branch.
func mutate(t *testing.T, schema *jsonschema.Schema, tree map[string]any, branch string) {
	try := func(what string) error {
		data, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		return sameVerdict(t, schema, what, data)
	}
	seen := map[string]bool{}
	places("", tree, func(p place) {
		// Of elements that are alike, one is enough.
		alike := indices.ReplaceAllString(p.path, "[]")
		if seen[alike] || !strings.Contains(p.path, branch) {
			return
		}
		seen[alike] = true
		if p.drop != nil {
			p.drop()
			if err := try("without " + p.path); err != nil && path(err) != p.path {
				t.Errorf("without %s the error is at %s", p.path, path(err))
			}
			p.set(p.value)
		}
		for _, stranger := range strangersFor(p.value) {
			p.set(stranger)
			err := try(fmt.Sprintf("%s = %.80q", p.path, fmt.Sprint(stranger)))
			if err != nil && !strings.HasPrefix(path(err), p.path) && !strings.HasPrefix(p.path, path(err)) {
				t.Errorf("%s = %.80v: the error is at %s", p.path, stranger, path(err))
			}
		}
		p.set(p.value)
	})
	if err := try("restored"); err != nil || len(seen) == 0 {
		t.Errorf("%d places, and then %v", len(seen), err)
	}
}

// Every property of the schema occurs in the specimen, so that the mutations
// above come to each of them.
func TestSpecimenHasEveryField(t *testing.T) {
	have := map[string]bool{}
	places("", specimen(t), func(p place) {
		have[p.path[strings.LastIndexAny(p.path, ".]")+1:]] = true
	})
	var schema map[string]any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	places("", schema, func(p place) {
		properties, ok := p.value.(map[string]any)
		if !ok || !strings.HasSuffix(p.path, "properties") {
			return
		}
		for name := range properties {
			if !have[name] && name != "previousProof" {
				t.Errorf("%s.%s is not in the specimen", p.path, name)
			}
		}
	})
}

func TestFieldsAreSorted(t *testing.T) {
	sorted(t, receiptFields)
	sorted(t, subjectFields)
	sorted(t, buildFields)
	sorted(t, specFields)
	sorted(t, planFields)
	sorted(t, modelFields)
	sorted(t, juryFields)
	sorted(t, voteFields)
	sorted(t, evalsFields)
	sorted(t, evalFields)
	sorted(t, gateFields)
	sorted(t, configurationFields)
	sorted(t, pactFields)
	sorted(t, riskFields)
	sorted(t, diffFields)
	sorted(t, fileFields)
	sorted(t, eventFields)
	sorted(t, proofFields)
}

func sorted[T any](t *testing.T, fields []field[T]) {
	t.Helper()
	if !slices.IsSortedFunc(fields, func(a, b field[T]) int { return strings.Compare(a.name, b.name) }) {
		t.Errorf("the fields of %T are not sorted by name", *new(T))
	}
}
