package integration

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/verdict"
)

// customer is somebody whom the control mapping makes promises to: an issuer
// with a git repository, a served log, and the bundles and the report of three
// runs. run-good carries everything. run-bare carries nothing but a hash.
// run-bad broke a rule: a gate denied writing, personal data was found, a check
// failed, and the jury, on another configuration, approved all the same.
type customer struct {
	*keyed
	dir      string
	exporter string // a key
	report   *report.Controls
}

func newCustomer(t *testing.T) *customer {
	c := &customer{dir: t.TempDir()}
	os.Mkdir(c.path("repo"), 0o755)
	for _, args := range [][]string{{"init", "-q"}, {"commit", "-q", "--allow-empty", "-m", "first"}, {"add", "-A"}, {"commit", "-q", "-m", "change"}} {
		if args[0] == "add" {
			os.WriteFile(c.path("repo/cart.go"), []byte("package cart\n"), 0o644)
		}
		git := exec.Command("git", append([]string{"-C", c.path("repo")}, args...)...)
		git.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	run(t, "receiptctl", "keygen", "-o", c.path("own.key"), "--did", "did:web:build.example")
	c.keyed = &keyed{server: &server{t: t, Dir: c.path("log"), Origin: "log.example/mapping"}}
	run(t, "receiptlog", "init", "--dir", c.Dir, "--origin", c.Origin, "--pin", c.path("own.did.json"))
	t.Cleanup(c.Kill)
	c.auditor = newKey(t, c.Dir, "auditor", api.ScopeReceiptsRead, api.ScopeAuditRead)
	c.operator = newKey(t, c.Dir, "operator", api.ScopeRetentionWrite)
	c.exporter = newKey(t, c.Dir, "exporter", api.ScopeReceiptsExport, api.ScopeReceiptsRead)
	c.Start()
	run(t, "receiptctl", "issue", "--example", c.path("ex"))
	c.edit("ex/bad.json", [][2]string{{`"github.write-branch", "decision": "allow"`, `"github.write-branch", "decision": "deny"`},
		{`"pii-detection", "decision": "allow", "fired": false`, `"pii-detection", "decision": "allow", "fired": true`},
		{`["tests.pass", "lint.clean",`, `["tests.pass",`}})
	os.WriteFile(c.path("ex/bare.json"), []byte(`{"org":"armalo"}`), 0o644)
	for _, name := range []string{"good", "bare", "bad"} {
		from := map[string]string{"good": "build"}[name]
		if from == "" {
			from = name
		}
		run(t, "receiptctl", "issue", "--repo", c.path("repo"), "--key", c.path("own.key"), "--in", c.path("ex/"+from+".json"), "--run-id", "run-"+name, "-o", c.path(name+".json"))
		run(t, "receiptctl", "submit", c.path(name+".json"), "--url", c.URL, "-o", c.path("bundles"))
	}
	run(t, "receiptctl", "report", "controls", "--dir", c.path("bundles"), "--policy", c.policy(), "-o", c.path("report.json"), "-o", c.path("report.html"))
	c.report = c.controls("report.json")
	return c
}

func (c *customer) path(name string) string { return filepath.Join(c.dir, name) }
func (c *customer) policy() string          { return filepath.Join(c.Dir, "policy.txt") }

func (c *customer) edit(name string, changes [][2]string) {
	data, err := os.ReadFile(c.path("ex/build.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, change := range changes {
		if !bytes.Contains(data, []byte(change[0])) {
			c.t.Fatalf("build.json has no %s", change[0])
		}
		data = bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
	}
	os.WriteFile(c.path(name), data, 0o644)
}

func (c *customer) controls(name string) *report.Controls {
	data, err := os.ReadFile(c.path(name))
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := report.ParseControls(data)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// row holds what the report says of a control: which runs carry the evidence,
// which lack what, and which are worth a look for what. Each is written as
// "run" or "run: item item".
func (c *customer) row(t *testing.T, id, carry, lack, notable string) {
	t.Helper()
	for _, r := range c.report.Controls {
		if r.ID != id {
			continue
		}
		got := func(refs []report.Ref, items func(report.Ref) []string) string {
			var out []string
			for _, ref := range refs {
				s := strings.TrimPrefix(ref.RunID, "run-")
				if list := items(ref); list != nil {
					s += ": " + strings.Join(list, " ")
				}
				out = append(out, s)
			}
			slices.Sort(out)
			return strings.Join(out, "; ")
		}
		if r.Population != 3 {
			t.Errorf("population %d", r.Population)
		}
		if s := got(r.Samples, func(report.Ref) []string { return nil }); s != carry {
			t.Errorf("%q carry the evidence, want %q", s, carry)
		}
		if s := got(r.ExceptionList, func(ref report.Ref) []string { return ref.Missing }); s != lack {
			t.Errorf("exceptions %q, want %q", s, lack)
		}
		if s := got(r.NotableList, func(ref report.Ref) []string { return ref.Notable }); s != notable {
			t.Errorf("notable %q, want %q", s, notable)
		}
		return
	}
	t.Errorf("no control %s in the report", id)
}

// get asks the log for something, without any key.
func (c *customer) get(t *testing.T, path string) []byte {
	t.Helper()
	resp, err := http.Get(c.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v\n%s", path, resp.Status, err, body)
	}
	return body
}

// verifyExternal does what the control mapping tells auditors to do.
func (c *customer) verifyExternal(t *testing.T, receipt []byte) verdict.Verdict {
	t.Helper()
	resp, err := http.Post(c.URL+"/api/v1/trust/build-receipts/verify-external", "application/json", strings.NewReader(fmt.Sprintf(`{"receipt":%s}`, receipt)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v verdict.Verdict
	if err := json.UnmarshalRead(resp.Body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestControlMapping starts from the programs and ends, row by row, in what the
// control mapping promises.
func TestControlMapping(t *testing.T) {
	c := newCustomer(t)
	r := c.report
	const receipts = "/api/v1/trust/build-receipts/"
	t.Run("SOC 2 CC6.1", func(t *testing.T) {
		c.row(t, "soc2-cc6.1", "bad; bare; good", "", "")
		c.keysAreScopedAndHashed(t)
	})
	t.Run("SOC 2 CC6.6", func(t *testing.T) {
		c.row(t, "soc2-cc6.6", "good", "bad: stopped; bare: gates publication", "bad: denied")
	})
	t.Run("SOC 2 CC7.2", func(t *testing.T) {
		c.row(t, "soc2-cc7.2", "bad; good", "bare: gates jury evals trail", "bad: gate-denied eval-failed; good: eval-failed")
	})
	t.Run("SOC 2 CC8.1", func(t *testing.T) {
		c.row(t, "soc2-cc8.1", "good", "bad: gates; bare: spec plan jury approved evals gates", "bad: eval-failed; bare: no-pull-request; good: eval-failed")
		c.immutable(t)
		if out := run(t, "receiptctl", "coverage", "--repo", c.path("repo"), "--from", "HEAD~1", "--dir", c.path("bundles"), "--policy", c.policy()); !strings.Contains(out, "1 of 1 commit covered") {
			t.Errorf("coverage: %s", out)
		}
	})
	t.Run("ISO 27001 A.5.7", func(t *testing.T) {
		c.row(t, "iso27001-a.5.7", "bad; good", "bare: models", "")
		i := slices.IndexFunc(r.Models, func(m report.ModelUse) bool { return m.Model == "gemini-3-pro" && m.Version == "002" })
		if i < 0 || r.Models[i].Receipts != 2 || r.Models[i].FirstRun != "run-good" || r.Models[i].LastRun != "run-bad" {
			t.Errorf("models %+v", r.Models)
		}
	})
	t.Run("ISO 27001 A.5.7, asked of the log", func(t *testing.T) {
		out := run(t, "receiptctl", "search", "--url", c.URL, "--model", "gemini-3-pro")
		if !strings.Contains(out, "run-good") || !strings.Contains(out, "run-bad") || strings.Contains(out, "run-bare") {
			t.Errorf("search: %s", out)
		}
	})
	t.Run("ISO 27001 A.5.23, asked of the log", func(t *testing.T) {
		if out := run(t, "receiptctl", "search", "--url", c.URL, "--group-by", "provider"); !strings.Contains(out, "2 receipts, 3 providers") {
			t.Errorf("search: %s", out)
		}
	})
	t.Run("ISO 27001 A.5.23", func(t *testing.T) {
		c.row(t, "iso27001-a.5.23", "bad; good", "bare: vendors dispatch", "")
		if len(r.Vendors) != 3 || r.Vendors[0].Provider != "Anthropic" || r.Vendors[1].Provider != "Google" || r.Vendors[2].Provider != "OpenAI" {
			t.Errorf("vendors %+v", r.Vendors)
		}
	})
	t.Run("ISO 27001 A.6.6", func(t *testing.T) { c.row(t, "iso27001-a.6.6", "bad; good", "bare: gate", "bad: fired") })
	t.Run("ISO 27001 A.8.4", func(t *testing.T) {
		c.row(t, "iso27001-a.8.4", "bad; good", "bare: repository read write", "")
	})
	t.Run("ISO 27001 A.8.9", func(t *testing.T) {
		c.row(t, "iso27001-a.8.9", "bad; good", "bare: recorded hash obeyed measured", "")
		d := r.Drift
		if len(d.Configurations) != 2 || d.Without != 1 || !slices.ContainsFunc(d.Changes, func(ch report.Change) bool { return ch.To == d.Configurations[1].SHA256 }) {
			t.Errorf("drift %+v", d)
		}
	})
	t.Run("ISO 27001 A.8.9, asked of the log", func(t *testing.T) {
		exit, out := tryRun(t, nil, "receiptctl", "drift", "--url", c.URL, "--org", "armalo", "--policy", c.policy())
		if exit != 1 || !strings.Contains(out, "- evalCheckSet: lint.clean") || !strings.Contains(out, "2 configurations, 1 change") {
			t.Errorf("drift: exit %d, %s", exit, out)
		}
		out = run(t, "receiptctl", "search", "--url", c.URL, "--configuration", r.Drift.Configurations[1].SHA256)
		if !strings.Contains(out, "run-bad") || strings.Contains(out, "run-good") {
			t.Errorf("search: %s", out)
		}
	})
	t.Run("ISO 27001 A.8.16", func(t *testing.T) {
		c.row(t, "iso27001-a.8.16", "bad; good", "bare: trail", "bad: unwitnessed; bare: unwitnessed; good: unwitnessed")
		c.get(t, receipts+"run-good")
		run(t, "receiptctl", "export", "--dir", c.path("bundles"), "--policy", c.policy(), "--org", "armalo", "-o", c.path("procurement.zip"))
		if out := run(t, "receiptctl", "verify", c.path("procurement.zip"), "--policy", c.policy()); !strings.Contains(out, "3 of 3 verified") {
			t.Errorf("the procurement bundle: %s", out)
		}
	})
	t.Run("ISO 27001 A.8.25", func(t *testing.T) {
		c.row(t, "iso27001-a.8.25", "bad; good", "bare: spec plan gates evals votes", "")
	})
	t.Run("ISO 27001 A.8.28", func(t *testing.T) {
		c.row(t, "iso27001-a.8.28", "bad; good", "bare: checks gates", "bad: check-failed gate-denied; good: check-failed")
	})
	t.Run("EU AI Act Article 11", func(t *testing.T) {
		c.row(t, "eu-ai-act-11", "bad; good", "bare: models cards purpose risk assessment", "")
	})
	t.Run("EU AI Act Article 12", func(t *testing.T) {
		c.row(t, "eu-ai-act-12", "bad; bare; good", "", "bad: unwitnessed; bare: unwitnessed; good: unwitnessed")
		c.audit(c.path("audit"), 0, "--json", "-o", c.path("account.json"))
		out := run(t, "receiptctl", "report", "article12", "--account", c.path("account.json"), "--policy", c.policy(), "--url", c.URL, "--org", "armalo",
			"--dir", c.path("bundles"), "-o", c.path("article12.json"), "-o", c.path("article12.html"))
		if !strings.Contains(out, "3 owed, 3 present, 0 lawfully erased, 0 unlawfully, 0 missing, 0 not checked") {
			t.Errorf("article12: %s", out)
		}
		run(t, "receiptctl", "report", "--check", c.path("article12.json"), "--policy", c.policy(), "--dir", c.path("bundles"))
		c.retentionIsConfigured(t)
	})
	t.Run("how an auditor verifies", func(t *testing.T) { c.reasonsAreStructured(t) })
	t.Run("for procurement teams", func(t *testing.T) { c.everyReceiptIsExported(t) })
	t.Run("EU AI Act Article 50", func(t *testing.T) {
		c.row(t, "eu-ai-act-50", "bad; good", "bare: disclosed public", "")
		if v := c.verifyExternal(t, c.get(t, receipts+"run-good")); !v.Verified {
			t.Errorf("anyone verifies: %+v", v)
		}
	})
	t.Run("NIST AI RMF GOVERN-1.1", func(t *testing.T) { c.row(t, "nist-govern-1.1", "bad; good", "bare: pact bound", "") })
	t.Run("NIST AI RMF MAP-2.3", func(t *testing.T) { c.row(t, "nist-map-2.3", "bad; good", "bare: purpose", "") })
	t.Run("NIST AI RMF MEASURE-2", func(t *testing.T) {
		c.row(t, "nist-measure-2", "bad; good", "bare: composite dimensions", "bad: eval-failed; good: eval-failed")
		if len(r.Timeline.Dimensions) != 12 || r.Timeline.Periods[0].Scores["security"].Mean != 0.96 {
			t.Errorf("scores %+v", r.Timeline)
		}
	})
	t.Run("NIST AI RMF MANAGE-4", func(t *testing.T) {
		c.row(t, "nist-manage-4", "bad; good", "bare: project", "")
		c.Stop() // the platform is gone, with its keys and its DID document; its receipts are not
		for _, name := range []string{"own.key", "own.did.json", "log"} {
			if name == "log" {
				os.Rename(c.policy(), c.path("policy.txt"))
				c.Dir = c.dir // where the policy is now
			}
			if err := os.RemoveAll(c.path(name)); err != nil {
				t.Fatal(err)
			}
		}
		run(t, "receiptctl", "verify", c.path("bundles/good.bundle.json"), "--policy", c.policy(), "--repo", c.path("repo"))
		run(t, "receiptctl", "report", "--check", c.path("report.json"), "--policy", c.policy(), "--dir", c.path("bundles"))
	})
}
