package report

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
)

func TestPageIsSelfContained(t *testing.T) {
	w := newWorld(t)
	page := string(must(w.report(usual, w.many(30)...).HTML()))
	for name, forbidden := range map[string]string{
		"a script":        `(?i)<script|javascript:|\son[a-z]+=`,
		"another file":    `(?i)<link|<img|<iframe|<object|<embed|@import|url\(|src=`,
		"a broken action": `ZgotmplZ|%!|<no value>`,
	} {
		if found := regexp.MustCompile(forbidden).FindString(page); found != "" {
			t.Errorf("the page has %s: %q", name, found)
		}
	}
	// Links leave the page only to model cards, and only when followed.
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(link[1], "#") && link[1] != "https://models.example/builder-1" {
			t.Errorf("the page links to %s", link[1])
		}
		if id, ok := strings.CutPrefix(link[1], "#"); ok && strings.Count(page, ` id="`+id+`"`) != 1 {
			t.Errorf("the link to #%s leads to %d places", id, strings.Count(page, ` id="`+id+`"`))
		}
	}
}

// TestPageBalances holds that every element is closed in its order, which
// browsers forgive and screen readers do not.
func TestPageBalances(t *testing.T) {
	w := newWorld(t)
	bundles := w.many(30)
	for name, r := range map[string]*Controls{"full": w.report(Options{Samples: 2, List: 3}, append(bundles, []byte("{}"))...), "empty": w.report(usual)} {
		page := string(must(r.HTML()))
		var open []string
		for _, tag := range regexp.MustCompile(`<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>`).FindAllStringSubmatch(page, -1) {
			switch {
			case tag[2] == "meta" || tag[2] == "br" || tag[3] == "/":
			case tag[1] == "":
				open = append(open, tag[2])
			case len(open) == 0 || open[len(open)-1] != tag[2]:
				t.Fatalf("%s: </%s> closes %v", name, tag[2], open)
			default:
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			t.Errorf("%s: %v stay open", name, open)
		}
		for _, id := range []string{"controls", "time", "drift", "models", "details", "rejected", "basis", "soc2-cc8.1", "nist-manage-4"} {
			if !strings.Contains(page, ` id="`+id+`"`) {
				t.Errorf("%s: no section %s", name, id)
			}
		}
	}
}

func TestPageEscapesWhatOthersWrote(t *testing.T) {
	const evil = `<script>alert("x")</script>'"`
	w := newWorld(t)
	w.log(w.sign("run-1", func(c *receipt.Credential) {
		b := &c.CredentialSubject.Build
		b.Models[0].Provider, b.Project, b.Evals.Checks[0].ID = evil, evil, evil
		b.Evals.Composite = map[string]float64{evil: 0.5}
		b.Configuration.JuryModels = []string{evil}
	}), dawn, entry.Indefinite)
	w.log(w.sign("run-2", func(c *receipt.Credential) { c.CredentialSubject.Build.Project = evil }), dawn, entry.Indefinite)
	page := string(must(w.report(usual, w.seal()...).HTML()))
	if strings.Contains(page, "<script") || strings.Contains(page, `'"<`) {
		t.Error("what an issuer wrote became markup")
	}
	if strings.Count(page, "&lt;script&gt;") < 4 {
		t.Error("what an issuer wrote is not shown")
	}
}

// TestPageFragment pins how a control looks in the overview.
func TestPageFragment(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("run-1", nil), dawn, entry.Indefinite)
	w.log(w.sign("run-2", func(c *receipt.Credential) {
		d := &c.CredentialSubject.Build.Diff
		for range 10 {
			d.Files = append(d.Files, d.Files[0])
		}
	}), dawn, entry.Indefinite)
	page := string(must(w.reportWith(must(ParseCatalogue([]byte(own))), usual, w.seal()...).HTML()))
	got := regexp.MustCompile(`(?s)<tbody class="framework">.*?</tbody>`).FindString(page) + "\n"
	const golden = "testdata/overview.html"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date; the page has\n%s", golden, got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestRoundIsNeverLess(t *testing.T) {
	for n := 1; n < 20000; n++ {
		if r := round(n); r < n || r > 2*n+1 {
			t.Fatalf("round(%d) = %d", n, r)
		}
	}
}
