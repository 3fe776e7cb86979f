package integration

import (
	"encoding/json/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/search"
)

// TestSearchAnswersAnIncident goes from a question to proof, with the programs.
func TestSearchAnswersAnIncident(t *testing.T) {
	c := newCustomer(t)
	find := func(args ...string) []search.Hit {
		t.Helper()
		var hits []search.Hit
		_, out := tryRun(t, nil, "receiptctl", append([]string{"search", "--json", "--url", c.URL}, args...)...)
		for line := range strings.Lines(out) {
			var h search.Hit
			if err := json.Unmarshal([]byte(line), &h, json.RejectUnknownMembers(true)); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
			hits = append(hits, h)
		}
		return hits
	}
	runs := func(hits []search.Hit) string {
		var ids []string
		for _, h := range hits {
			ids = append(ids, strings.TrimPrefix(h.RunID, "run-"))
		}
		return strings.Join(ids, " ")
	}
	commit := find()[0].Commit
	for _, tt := range []struct{ flags, want string }{
		{"", "bad good"}, // bare is private
		{"--model gemini-3-pro --model-version 002", "bad good"},
		{"--provider Google --model gemini-3-pro", "bad good"},
		{"--provider OpenAI --model gemini-3-pro", ""},
		{"--gate github.write-branch --gate-decision deny", "bad"},
		{"--gate github.write-branch --gate-decision allow", "good"},
		{"--eval-failed * --limit 1", "bad"},
		{"--verdict block", ""},
		{"--issuer did:web:build.example --org armalo --commit " + commit, "bad good"},
		{"--from 2020-01-01 --to 2021-01-01", ""},
		{"--from 2020-01-01", "bad good"},
	} {
		if got := runs(find(strings.Fields(tt.flags)...)); got != tt.want {
			t.Errorf("search %s: %q, want %q", tt.flags, got, tt.want)
		}
	}
	t.Run("vendors and models are one command each", func(t *testing.T) {
		out := run(t, "receiptctl", "search", "--url", c.URL, "--group-by", "provider")
		for _, vendor := range []string{"Anthropic", "Google", "OpenAI"} {
			if !strings.Contains(out, vendor+"\n") {
				t.Errorf("no %s:\n%s", vendor, out)
			}
		}
		if out := run(t, "receiptctl", "search", "--url", c.URL, "--models"); !strings.Contains(out, "Google / gemini-3-pro / 002\n") {
			t.Errorf("models:\n%s", out)
		}
	})
	t.Run("what is found can be proven", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "found")
		run(t, "receiptctl", "search", "--url", c.URL, "--model", "gemini-3-pro", "--bundles", dir, "--policy", c.policy())
		found, err := os.ReadDir(dir)
		if err != nil || len(found) != 2 {
			t.Fatal(found, err)
		}
		for _, f := range found {
			run(t, "receiptctl", "verify", filepath.Join(dir, f.Name()), "--policy", c.policy(), "--repo", c.path("repo"))
		}
	})
	t.Run("private receipts are found with a key", func(t *testing.T) {
		key := []string{"RECEIPTLOG_TOKEN=" + c.auditor}
		dir := filepath.Join(t.TempDir(), "found")
		status, out := tryRun(t, key, "receiptctl", "search", "--url", c.URL, "--org", "armalo", "--bundles", dir, "--policy", c.policy())
		if status != 0 || !strings.Contains(out, "run-bare") || !strings.Contains(out, "[private]") || !strings.Contains(out, "3 bundles verified") {
			t.Errorf("status %d:\n%s", status, out)
		}
		if status, out := tryRun(t, []string{"RECEIPTLOG_TOKEN=nobody's"}, "receiptctl", "search", "--url", c.URL); status != 1 || !strings.Contains(out, "unauthorized") {
			t.Errorf("with a key of nobody's: status %d:\n%s", status, out)
		}
	})
	t.Run("configuration drift", func(t *testing.T) {
		status, out := tryRun(t, nil, "receiptctl", "drift", "--url", c.URL, "--policy", c.policy())
		if status != 1 || !strings.Contains(out, "2 configurations, 1 change") || !strings.Contains(out, "- evalCheckSet: lint.clean") {
			t.Errorf("status %d:\n%s", status, out)
		}
		if status, again := tryRun(t, nil, "receiptctl", "drift", "--dir", c.path("bundles"), "--policy", c.policy()); status != 1 || !strings.Contains(again, "without a configuration") {
			t.Errorf("status %d:\n%s", status, again)
		}
	})
	t.Run("coverage asks by commit", func(t *testing.T) {
		out := run(t, "receiptctl", "coverage", "--repo", c.path("repo"), "--from", "HEAD~1", "--url", c.URL, "--policy", c.policy())
		if !strings.Contains(out, "1 of 1 commit covered") {
			t.Error(out)
		}
	})
	t.Run("misuse", func(t *testing.T) {
		for flags, want := range map[string]string{
			"--verdict maybe": "--verdict must be approve, revise or block", "--commit abc": "--commit must be the whole name",
			"--group-by colour": "takes one of", "--bundles d": "policy", "--from yesterday": "--from must be a date",
		} {
			status, out := tryRun(t, nil, "receiptctl", append([]string{"search", "--url", c.URL}, strings.Fields(flags)...)...)
			if status != 2 || !strings.Contains(out, want) {
				t.Errorf("%s: %d\n%s", flags, status, out)
			}
		}
		if status, out := tryRun(t, nil, "receiptctl", "search", "--url", c.URL, "--model", "none"); status != 1 || !strings.Contains(out, "nothing found") {
			t.Errorf("nothing: %d\n%s", status, out)
		}
	})
}
