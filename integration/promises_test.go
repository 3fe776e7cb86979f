package integration

import (
	"archive/zip"
	"bytes"
	"encoding/json/v2"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

// keysAreScopedAndHashed holds that a key does what its scopes say and nothing else,
// and that the log's directory has no key that could be used.
func (c *customer) keysAreScopedAndHashed(t *testing.T) {
	t.Helper()
	receipt, err := os.ReadFile(c.path("good.json"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, c.URL+api.RouteReceipts, bytes.NewReader(receipt))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", api.MediaJSON)
	req.Header.Set("Authorization", "Bearer "+c.auditor)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, resp, http.StatusForbidden, "forbidden")
	err = filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(c.auditor)) {
			t.Errorf("%s has a key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// immutable holds that no part of a change record can be altered unnoticed.
func (c *customer) immutable(t *testing.T) {
	t.Helper()
	good, err := os.ReadFile(c.path("bundles/good.bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	for part, change := range map[string][2]string{
		"spec": {"Refuse checkpoints", "Accept checkpoints"}, "plan": {"ML-DSA-44 cosignatures sign", "ML-DSA-44 cosignatures skip"},
		"jury": {`"verdict":"revise"`, `"verdict":"approve"`}, "evals": {`"id":"docs.updated","passed":false`, `"id":"docs.updated","passed":true`},
		"gates": {"not main", "yes main"}, "audit trail": {"2 approve, 1 revise", "3 approve, 0 revise"},
	} {
		if !bytes.Contains(good, []byte(change[0])) {
			t.Fatalf("the bundle has no %s", change[0])
		}
		os.WriteFile(c.path("altered.json"), bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1), 0o644)
		if exit, out := tryRun(t, nil, "receiptctl", "verify", c.path("altered.json"), "--policy", c.policy()); exit != 1 || !strings.Contains(out, "signature_invalid") {
			t.Errorf("with another %s: exit %d, %s", part, exit, out)
		}
	}
}

// retentionIsConfigured holds that a receipt is kept indefinitely by default, and
// for a shorter time once its organisation has set that over the API.
func (c *customer) retentionIsConfigured(t *testing.T) {
	t.Helper()
	bundle := string(c.get(t, api.BundleRoute("run-good")))
	if !strings.Contains(bundle, `"retain":"indefinite"`) {
		t.Errorf("by default: %.600s", bundle)
	}
	key := c.path("retention.key")
	os.WriteFile(key, []byte(c.operator), 0o600)
	run(t, "receiptlog", "rules", "--url", c.URL, "--key-file", key, "--org", "short", "--class", "period", "--period", "P7M", "--asked", "records office")
	os.WriteFile(c.path("ex/short.json"), []byte(`{"org":"short","policyGates":[{"id":"receipt.publish","decision":"allow"}]}`), 0o644)
	run(t, "receiptctl", "issue", "--repo", c.path("repo"), "--key", c.path("own.key"), "--in", c.path("ex/short.json"), "--run-id", "run-short", "-o", c.path("short.json"))
	run(t, "receiptctl", "submit", c.path("short.json"), "--url", c.URL)
	until := time.Now().UTC().AddDate(0, 7, 0).Format(`"retain":"2006-01`)
	if bundle := string(c.get(t, api.BundleRoute("run-short"))); !strings.Contains(bundle, until) {
		t.Errorf("by rules of seven months, want %s: %.600s", until, bundle)
	}
}

// reasonsAreStructured holds that an auditor's tool is told by code what is wrong.
func (c *customer) reasonsAreStructured(t *testing.T) {
	t.Helper()
	good := c.get(t, api.RunRoute("run-good"))
	for _, tt := range []struct{ old, new, code string }{
		{"tidy", "tidy", ""},
		{"Refuse checkpoints", "Accept checkpoints", "signature_invalid"},
		{"armalo/receiptlog/commit/", "armalo/elsewhere/commit/", "diff_url_mismatch"},
	} {
		v := c.verifyExternal(t, bytes.ReplaceAll(good, []byte(tt.old), []byte(tt.new)))
		if v.Verified != (tt.code == "") || tt.code != "" && !slices.ContainsFunc(v.Reasons, func(r verdict.Reason) bool { return string(r.Code) == tt.code }) {
			t.Errorf("with %s: %+v", tt.new, v)
		}
	}
}

// everyReceiptIsExported holds that the route of the mapping gives every receipt of an
// organisation over a date range, with summary statistics, as a file that verifies.
func (c *customer) everyReceiptIsExported(t *testing.T) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, c.URL+api.RouteExport, strings.NewReader(`{"org":"armalo","from":"2026-01-01T00:00:00Z","to":"2100-01-01T00:00:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", api.MediaJSON)
	req.Header.Set("Authorization", "Bearer "+c.exporter)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	os.WriteFile(c.path("raw.zip"), data, 0o644)
	if out := run(t, "receiptctl", "verify", c.path("raw.zip"), "--policy", c.policy()); !strings.Contains(out, "3 of 3 verified") {
		t.Errorf("verify: %s", out)
	}
	// Whoever has it adds the reports, with those of an auditor on record-keeping.
	run(t, "receiptctl", "export", c.path("raw.zip"), "--org", "armalo", "--account", c.path("account.json"), "--policy", c.policy(), "-o", c.path("reported.zip"))
	if out := run(t, "receiptctl", "verify", c.path("reported.zip"), "--policy", c.policy()); !strings.Contains(out, "0 differences") || !strings.Contains(out, "what the auditor counted, in article12.json") {
		t.Errorf("verify: %s", out)
	}
	// What a forger has it say of itself does not reach the terminal.
	rewriteArchive(t, c.path("raw.zip"), c.path("forged.zip"), func(name string, data []byte) []byte {
		if name == "manifest.json" {
			return bytes.Replace(data, []byte(`"scope": "`), []byte(`"scope": "\u001b[2J\u009b1m\nverified\n`), 1)
		}
		return data
	})
	if _, out := tryRun(t, nil, "receiptctl", "verify", c.path("forged.zip"), "--policy", c.policy()); strings.ContainsAny(out, "\x1b\u009b") || strings.Count(out, "\nverified\n") != 1 {
		t.Errorf("verify: %q", out)
	}
	for what, change := range map[string][2]string{
		"article12.json": {`"shown": 3`, `"shown": 4`}, "article12.html": {"Record-keeping under", "Good record-keeping under"}, "report.json": {`"population": 3`, `"population": 4`},
	} {
		rewriteArchive(t, c.path("reported.zip"), c.path("altered.zip"), func(name string, data []byte) []byte {
			if name == what {
				return bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
			}
			return data
		})
		if exit, out := tryRun(t, nil, "receiptctl", "verify", c.path("altered.zip"), "--policy", c.policy()); exit == 0 || !strings.Contains(out, what) && what != "report.json" {
			t.Errorf("with another %s: exit %d, %s", what, exit, out)
		}
	}
	// Nor does a page without the report that it was made of, or of a kind that nobody
	// makes, count as checked.
	for old, new := range map[string]string{"report.json": "notes.json", "article12.json": "notes.json", "report.csv": "report.pdf"} {
		renameInArchive(t, c.path("reported.zip"), c.path("altered.zip"), old, new)
		if exit, out := tryRun(t, nil, "receiptctl", "verify", c.path("altered.zip"), "--policy", c.policy()); exit != 3 || !strings.Contains(out, "could not be made again: do not rely on it") {
			t.Errorf("with %s as %s: exit %d, %s", old, new, exit, out)
		}
	}
	// Under another policy file, as a report may be made, its quorum is no better.
	policySHA256, quorum := regexp.MustCompile(`"policySHA256": "[0-9a-f]{64}"`), regexp.MustCompile(`"quorum": "[^"]*"`)
	for _, what := range []string{"report.json", "article12.json"} {
		rewriteArchive(t, c.path("reported.zip"), c.path("altered.zip"), func(name string, data []byte) []byte {
			if name == what {
				data = policySHA256.ReplaceAll(data, []byte(`"policySHA256": "`+strings.Repeat("0", 64)+`"`))
				data = quorum.ReplaceAllFunc(data, func(old []byte) []byte { // as long as it was
					return fmt.Appendf(nil, `"quorum": "%-*s"`, len(old)-len(`"quorum": ""`), "2of3")
				})
			}
			return data
		})
		if exit, out := tryRun(t, nil, "receiptctl", "verify", c.path("altered.zip"), "--policy", c.policy()); exit != 1 || !strings.Contains(out, "2of3") {
			t.Errorf("with another quorum in %s: exit %d, %s", what, exit, out)
		}
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("statistics.json")
	if err != nil {
		t.Fatal(err)
	}
	var statistics struct {
		Receipts   int
		ByVerdict  map[string]int
		ByProvider map[string]int
	}
	if err := json.UnmarshalRead(f, &statistics, json.MatchCaseInsensitiveNames(true)); err != nil || statistics.Receipts != 3 || statistics.ByVerdict["approve"] != 2 || statistics.ByProvider["Google"] != 2 {
		t.Errorf("statistics %+v, %v", statistics, err)
	}
}
