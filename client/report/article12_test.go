package report

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
)

// recorded is a log over ten days, with a receipt and a checkpoint a day save
// on the fifth, and its auditor.
func recorded(t testing.TB) (*world, [][]byte) {
	w := newWorld(t)
	for day := range 10 {
		at := dawn.AddDate(0, 0, day)
		if day == 5 {
			continue
		}
		w.log(w.sign(fmt.Sprint("run-", day), func(c *receipt.Credential) {
			b := &c.CredentialSubject.Build
			if day == 2 {
				denyWrite(b)
				b.Jury.Verdict = receipt.Block
			}
			if day >= 7 {
				b.Configuration.EvalCheckSet = []string{"unit-tests"}
			}
		}), at, entry.Indefinite)
		w.audit(at.Add(time.Minute))
	}
	w.account.Orgs["ffeeddccbbaa99887766554433221100"] = account.Tally{Receipts: 7, Missing: 7}
	w.now = dawn
	return w, w.seal()
}

func (w *world) article12(org string, bundles ...[]byte) *Article12 {
	w.t.Helper()
	where := ""
	if org != "" {
		where = "build.org = '" + org + "'"
	}
	return w.article12Where(org, where, bundles...)
}

func (w *world) article12Where(org, where string, bundles ...[]byte) *Article12 {
	w.t.Helper()
	receipts, names := w.reportNamed(Article12Catalogue(), Options{Samples: 3, List: 100, Where: where}, bundles...)
	return NewArticle12(org, w.account, w.links, receipts, names, w.policy)
}

func TestArticle12(t *testing.T) {
	w, bundles := recorded(t)
	r := w.article12("acme", bundles...)
	if !r.Sound() || !r.Complete() {
		t.Errorf("sound %v, complete %v: %+v", r.Sound(), r.Complete(), r.Integrity)
	}
	if r.Recording.Logged != 9 || r.Recording.Shown != 9 || r.Recording.ReceiptGap.Seconds != 2*daySeconds || r.Recording.HeartbeatGap.Seconds != 2*daySeconds {
		t.Errorf("recording %+v", r.Recording)
	}
	if r.Integrity.Linked != 8 || r.Integrity.Unlinked != 0 || r.Integrity.Checkpoints[3].First != "2026-05-15T10:01:00Z" || !r.Integrity.Checkpoints[3].Quorum {
		t.Errorf("integrity %+v", r.Integrity)
	}
	if r.Retention.Present != 9 || r.Retention.Missing != 0 || !slices.Equal(r.Handles, []string{acme}) {
		t.Errorf("retention %+v, handles %v", r.Retention, r.Handles)
	}
	if got := fmt.Sprint(r.Events); got != "[{gate-denied 1} {jury-block 1} {eval-failed 0}]" {
		t.Errorf("events %s", got)
	}
	events := r.Receipts.result(eventsControl).NotableList
	if len(events) != 1 || events[0].RunID != "run-2" || !slices.Equal(events[0].Notable, []string{"gate-denied", "jury-block"}) {
		t.Errorf("events %+v", events)
	}
	if r.Receipts.Drift.ChangeCount != 1 || len(r.Issuers) != 1 || len(r.Receipts.Issuers) != 1 {
		t.Errorf("drift %+v, issuers %+v", r.Receipts.Drift, r.Issuers)
	}
	for _, want := range []string{"2 December 2027", "2 August 2028", "(EU) 2026/1744", "2 August 2026"} {
		if !strings.Contains(strings.Join(r.Dates, " "), want) {
			t.Errorf("the dates do not name %s", want)
		}
	}
	if all := w.article12("", bundles...); all.Sound() || all.Retention.Missing != 7 || all.Recording.Logged != 16 {
		t.Errorf("all organisations: %+v", all.Retention)
	}
}

func TestArticle12FindsWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil           func(w *world)
		sound, complete bool
	}{
		"a link that does not hold": {func(w *world) { w.links[3].Proof[0] = w.links[4].Proof[0] }, false, true},
		"a link that is no base64":  {func(w *world) { w.links[3].Proof[0] = "?" }, false, true},
		"no links":                  {func(w *world) { w.links = nil }, true, false},
		"no checkpoints":            {func(w *world) { w.account.Checkpoints = nil }, true, false},
		"a checkpoint altered": {func(w *world) {
			c := &w.account.Checkpoints[2]
			c.Signed = strings.Replace(c.Signed, "\n4\n", "\n5\n", 1)
		}, false, false},
		"a checkpoint without witness": {func(w *world) {
			c := &w.account.Checkpoints[2]
			c.Signed = c.Signed[:strings.Index(c.Signed, "— witness")]
		}, false, true},
		"a size that is claimed": {func(w *world) { w.account.Checkpoints[2].Size++ }, false, true},
		"checkpoints swapped": {func(w *world) {
			c := w.account.Checkpoints
			c[2], c[3] = c[3], c[2]
		}, false, false},
		"an audit cut short": {func(w *world) { w.account.Incomplete = "the log was unreachable" }, true, false},
		"a breach": {func(w *world) {
			w.account.Findings = append(w.account.Findings, account.Finding{Code: "body_missing", Severity: "breach", Org: acme})
		}, false, true},
		"a breach of another's": {func(w *world) {
			w.account.Findings = append(w.account.Findings, account.Finding{Code: "body_missing", Severity: "breach", Org: strings.Repeat("0", 32)})
		}, true, true},
		"a warning": {func(w *world) {
			w.account.Findings = append(w.account.Findings, account.Finding{Code: "checkpoint_stale", Severity: "warning"})
		}, true, true},
		"an unlawful erasure": {func(w *world) { w.account.Orgs[acme] = account.Tally{Receipts: 9, Unlawful: 1, Present: 8} }, false, true},
	} {
		w, bundles := recorded(t)
		tt.spoil(w)
		r := w.article12("acme", bundles...)
		if r.Sound() != tt.sound || r.Complete() != tt.complete {
			t.Errorf("%s: sound %v, complete %v; %+v", name, r.Sound(), r.Complete(), r.Integrity)
		}
		if _, err := r.HTML(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArticle12IsMadeAgain(t *testing.T) {
	w, bundles := recorded(t)
	made := w.article12("acme", bundles...)
	data := must(made.JSON())
	claimed, err := ParseArticle12(data)
	if err != nil {
		t.Fatal(err)
	}
	_, names := w.reportNamed(Article12Catalogue(), usual, bundles...)
	again := NewArticle12(claimed.Org, claimed.Account, claimed.Links, made.Receipts, names, w.policy)
	if out := must(Compare(claimed, again)); len(out) > 0 {
		t.Errorf("differs from itself: %v", out)
	}
	claimed.Retention.Missing, claimed.Integrity.Broken = 1, 1
	if out := must(Compare(claimed, again)); len(out) != 2 {
		t.Errorf("what was altered is not found: %v", out)
	}
	if _, err := ParseArticle12(bytes.Replace(data, []byte(`"links"`), []byte(`"chains"`), 1)); verdict.CodeOf(err) != verdict.SchemaInvalid {
		t.Errorf("an unknown member: %v", err)
	}
	if regexp.MustCompile(`(?i)complian|complies|certified`).Match(data) {
		t.Error("the report claims more than it may")
	}
}

func TestArticle12Page(t *testing.T) {
	w, bundles := recorded(t)
	w.account.Rules = append(w.account.Rules, retention.Record{Index: 3, Entry: []byte(`{"kind":"rules","org":"` + acme + `","x":"<script>"}`)})
	w.account.Erasures = append(w.account.Erasures, account.Erased{Index: 9, At: dawn, Org: acme, Count: 1, Basis: "request", Legal: "GDPR Article 17", Asked: "<b>Ada"})
	w.account.Kept = &account.Kept{Checked: 4321, Quorate: 4320}
	page := string(must(w.article12("acme", append(bundles, []byte("{}"))...).HTML()))
	for _, forbidden := range []string{"<script", "<link", "<img", "src=", "<b>", "ZgotmplZ", "%!"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for _, want := range []string{"2 days, from 2026-05-16 10:00 to 2026-05-18 10:00", "GDPR Article 17", "run-2", "A policy gate denied; The jury blocked", "✓ met", "2 December 2027",
		"Of 4,321 checkpoints that the log keeps of its past the auditor found 4,320 to be cosigned"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestArticle12OfASilentTime holds that of an organisation from which nothing
// came in the time asked about the log's account is given all the same, and that
// one which no bundle is of is not taken for it.
func TestArticle12OfASilentTime(t *testing.T) {
	w, bundles := recorded(t)
	r := w.article12Where("acme", "build.org = 'acme' and entry.at >= '2027-01-01'", bundles...)
	if r.Recording.Shown != 0 || r.Recording.Logged != 9 || r.Retention.Present != 9 || !slices.Equal(r.Handles, []string{acme}) {
		t.Errorf("%+v, handles %v", r.Recording, r.Handles)
	}
	if r.Complete() {
		t.Error("a report that shows no receipt is called complete")
	}
	_, names := w.reportNamed(Article12Catalogue(), usual, append(bundles, []byte("{}"))...)
	if err := names.Check("acmee"); verdict.CodeOf(err) != OrgUnknown {
		t.Errorf("an organisation that no bundle is of: %v", err)
	}
	if names.Check("acme") != nil || names.Check("") != nil || !slices.Equal(names.Orgs(), []string{"acme"}) {
		t.Errorf("known are %v", names.Orgs())
	}
}

func FuzzParseArticle12(f *testing.F) {
	w, bundles := recorded(f)
	data := must(w.article12("acme", bundles...).JSON())
	f.Add(data)
	f.Add(bytes.Replace(data, []byte(`"linked": 8`), []byte(`"linked": -8`), 1))
	f.Add([]byte(`{"report":"receiptlog/report/article12/v1","account":{},"receipts":{"catalogue":{}}}`))
	receipts, names := w.reportNamed(Article12Catalogue(), usual)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseArticle12(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		// As whoever makes it again does.
		again := NewArticle12(r.Org, r.Account, r.Links, receipts, names, w.policy)
		if _, err := again.HTML(); err != nil {
			t.Fatal(err)
		}
		if _, err := Compare(r, again); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseAccount(f *testing.F) {
	w, _ := recorded(f)
	f.Add(must(json.Marshal(w.account)))
	f.Add([]byte(`{"origin":"x","checkpoints":[],"orgs":{}}`))
	f.Add([]byte(`{"origin":"x","checkpoints":[{"size":-1}],"orgs":{}}`))
	receipts, names := w.reportNamed(Article12Catalogue(), usual)
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := account.Parse(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if _, err := NewArticle12("", a, nil, receipts, names, w.policy).HTML(); err != nil {
			t.Fatal(err)
		}
	})
}
