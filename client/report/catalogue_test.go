package report

import (
	"bytes"
	"encoding/json/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
)

// TestCatalogueHasEveryRow holds the catalogue to the mapping that customers
// were promised.
func TestCatalogueHasEveryRow(t *testing.T) {
	want := []string{"CC6.1", "CC6.6", "CC7.2", "CC8.1",
		"A.5.7", "A.5.23", "A.6.6", "A.8.4", "A.8.9", "A.8.16", "A.8.25", "A.8.28",
		"Article 11", "Article 12", "Article 50", "GOVERN-1.1", "MAP-2.3", "MEASURE-2", "MANAGE-4"}
	var got []string
	for _, c := range Builtin().Controls {
		got = append(got, c.Label)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestNothingClaimsConformity reads every word that a report is made of.
func TestNothingClaimsConformity(t *testing.T) {
	claim := regexp.MustCompile(`(?i)complian|complies|certified|guarantee|ensures|is met|conforms`)
	if found := claim.FindAllString(string(BuiltinJSON())+Statement, -1); found != nil {
		t.Errorf("found %q", found)
	}
}

func TestDatesInForce(t *testing.T) {
	for label, want := range map[string][]string{
		"Article 11": {"2 December 2027", "2 August 2028", "(EU) 2026/1744"},
		"Article 12": {"2 December 2027", "2 August 2028", "(EU) 2026/1744"},
		"Article 50": {"2 August 2026"},
	} {
		i := slices.IndexFunc(Builtin().Controls, func(c Control) bool { return c.Label == label })
		dates := strings.Join(Builtin().Controls[i].Dates, " ")
		for _, w := range want {
			if !strings.Contains(dates, w) {
				t.Errorf("%s does not name %s: %s", label, w, dates)
			}
		}
	}
}

const own = `{"catalogue":"receiptlog/v1","title":"House rules","frameworks":[{"id":"house","title":"House rules"}],
	"controls":[{"id":"house-1","framework":"house","label":"H1","title":"No Friday","wanted":"Small changes.",
	"applies":"build.project = 'shop'","evidence":[{"id":"small","title":"At most ten files","rule":"count build.diff.files <= 10"}],"limits":["Taste."]}]}`

func TestTeamAddsItsOwn(t *testing.T) {
	mine, err := ParseCatalogue([]byte(own))
	if err != nil {
		t.Fatal(err)
	}
	both := must(Builtin().With(mine))
	w := newWorld(t)
	w.log(w.sign("run-1", nil), dawn, entry.Indefinite)
	r := w.reportWith(both, usual, w.seal()...)
	if got := r.result("house-1"); got == nil || got.Standing != Supported || len(r.Controls) != 20 {
		t.Errorf("got %+v", got)
	}
	if r.CatalogueSHA256 != both.SHA256() || both.SHA256() == Builtin().SHA256() {
		t.Errorf("catalogue hash %s", r.CatalogueSHA256)
	}
	if _, err := both.With(mine); verdict.CodeOf(err) != verdict.SchemaInvalid {
		t.Errorf("the same ids twice: %v", err)
	}
	other := must(ParseCatalogue([]byte(strings.NewReplacer(`"title":"House rules"}]`, `"title":"Other"}]`, "house-1", "house-2").Replace(own))))
	if _, err := both.With(other); err == nil {
		t.Error("one framework with two titles was accepted")
	}
}

func TestCatalogueRefuses(t *testing.T) {
	for name, replace := range map[string][2]string{
		"version":           {"receiptlog/v1", "receiptlog/v2"},
		"unknown member":    {`"label"`, `"lable":"","label"`},
		"unknown framework": {`"framework":"house"`, `"framework":"home"`},
		"bad rule":          {"<= 10", "<= ten"},
		"bad applies":       {"build.project =", "build.project"},
		"no limits":         {`["Taste."]`, `[]`},
		"empty limit":       {`"Taste."`, `""`},
		"no evidence":       {`"evidence":[{"id":"small","title":"At most ten files","rule":"count build.diff.files <= 10"}]`, `"evidence":[]`},
		"bad id":            {`"id":"small"`, `"id":"1 small"`},
		"empty title":       {`"title":"No Friday"`, `"title":""`},
		"control character": {"No Friday", `No\u0007Friday`},
		"no controls":       {own[strings.Index(own, `"controls":[`):], `"controls":[]}`},
		"twice":             {`"evidence":[`, `"evidence":[{"id":"small","title":"x","rule":"has x"},`},
		"duplicate member":  {`"label":"H1"`, `"label":"H1","label":"H1"`},
	} {
		data := strings.Replace(own, replace[0], replace[1], 1)
		if data == own {
			t.Errorf("%s: the case changes nothing", name)
		}
		if c, err := ParseCatalogue([]byte(data)); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
	if _, err := ParseCatalogue(make([]byte, MaxCatalogueBytes+1)); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("over-long: %v", err)
	}
}

func FuzzParseCatalogue(f *testing.F) {
	f.Add([]byte(own))
	f.Add(BuiltinJSON())
	f.Add([]byte(`{"catalogue":"receiptlog/v1"}`))
	f.Add(bytes.Replace([]byte(own), []byte("10"), []byte("10)"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCatalogue(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		again, err := ParseCatalogue(must(json.Marshal(c)))
		if err != nil || again.SHA256() != c.SHA256() {
			t.Fatalf("does not round-trip: %v", err)
		}
	})
}

func FuzzParseControls(f *testing.F) {
	w := newWorld(f)
	data := must(w.report(Options{Samples: 1, List: 1}, w.many(2)...).JSON())
	f.Add(data)
	f.Add(bytes.Replace(data, []byte(`"population": 2`), []byte(`"population": -2`), 1))
	f.Add([]byte(`{"report":"receiptlog/report/controls/v1","catalogue":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseControls(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if _, err := ParseControls(must(r.JSON())); err != nil {
			t.Fatalf("does not round-trip: %v", err)
		}
	})
}
