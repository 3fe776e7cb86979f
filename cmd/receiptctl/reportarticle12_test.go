package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json/v2"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// tiles serves the fake log's tree besides what it answers itself.
type tiles struct{ *fakeLog }

func (l tiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/checkpoint":
		w.Write(l.bundle(0).Checkpoint)
	case strings.HasPrefix(r.URL.Path, "/tile/"):
		at, err := tile.ParsePath(r.URL.Path[1:])
		if err != nil || at.Level < 0 {
			http.NotFound(w, r)
			return
		}
		data, err := tlog.ReadTileData(tlog.Tile{H: 8, L: int(at.Level), N: int64(at.Index), W: int(at.Width)}, l.fakeLog)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	default:
		l.fakeLog.ServeHTTP(w, r)
	}
}

// article12 is a folder with a log's policy, an auditor's account of it, and
// the bundles of two organisations.
type article12 struct {
	t   *testing.T
	dir string
	url string
}

func newArticle12(t *testing.T) *article12 {
	t.Helper()
	l := newFakeLog(t)
	server := httptest.NewServer(tiles{l})
	t.Cleanup(server.Close)
	a := &article12{t, t.TempDir(), server.URL}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	account := &account.Account{Origin: l.signer.Name(), Began: time.Unix(1_780_000_000, 5), Ended: time.Unix(1_780_000_100, 0),
		Entries: map[string]uint64{"receipt": 9}, NotChecked: map[string]uint64{}, Orgs: map[string]account.Tally{strings.Repeat("0", 32): {Receipts: 9, Owed: 9, Present: 9}}}
	for n := range 9 {
		at, _, err := l.submit(credentialOf(t, key, n))
		if err != nil {
			t.Fatal(err)
		}
		if n%3 == 2 {
			account.Checkpoints = append(account.Checkpoints, seen(t, l, at))
		}
	}
	for at := range l.logged {
		a.write(fmt.Sprintf("bundles/%d.bundle.json", at), l.bundle(at).Marshal())
	}
	a.write("policy.txt", []byte("log "+l.vkey+"\nquorum none\n"))
	data, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	a.write("account.json", data)
	return a
}

// seen keeps the newest checkpoint as an auditor does.
func seen(t *testing.T, l *fakeLog, at uint64) account.Seen {
	signed := l.bundle(at).Checkpoint
	cp, err := checkpoint.ParseSigned(signed)
	if err != nil {
		t.Fatal(err)
	}
	return account.Seen{Size: cp.Size, Root: base64.StdEncoding.EncodeToString(cp.Root[:]), Signed: string(signed)}
}

func credentialOf(t *testing.T, key ed25519.PrivateKey, n int) []byte {
	t.Helper()
	issuer := did.KeyDID(key.Public().(ed25519.PublicKey))
	c := receipt.Credential{Context: []string{receipt.ContextCredentials, receipt.ContextReceipt}, Type: []string{receipt.TypeCredential, receipt.TypeReceipt},
		ID: fmt.Sprint("urn:run:", n), Issuer: issuer, ValidFrom: "2026-05-12T10:00:00Z"}
	b := &c.CredentialSubject.Build
	b.RunID, b.Org, b.Diff.SHA256 = fmt.Sprint("run-", n), []string{"acme", "acme", "globex"}[n%3], strings.Repeat("ab", 32)
	if n == 4 {
		b.Jury = &receipt.Jury{Verdict: receipt.Block}
	}
	data, err := json.Marshal(c)
	if err == nil {
		data, err = receipt.Sign(data, key, receipt.SignOptions{VerificationMethod: issuer + "#" + strings.TrimPrefix(issuer, "did:key:")})
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (a *article12) path(name string) string { return filepath.Join(a.dir, name) }

func (a *article12) write(name string, data []byte) {
	a.t.Helper()
	if err := os.MkdirAll(filepath.Dir(a.path(name)), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(a.path(name), data, 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// run runs receiptctl with @ in its arguments standing for the folder, holds
// that it exits as said, and returns all it printed.
func (a *article12) run(status int, line string) string {
	a.t.Helper()
	var out bytes.Buffer
	root := exit.Root(newRoot())
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(strings.Fields(strings.ReplaceAll(line, "@", a.dir)))
	if got := exit.Complain(&out, "receiptctl", root.ExecuteContext(a.t.Context())); got != status {
		a.t.Errorf("receiptctl %s: exit status %d, want %d\n%s", line, got, status, out.String())
	}
	return out.String()
}

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}

// TestReportArticle12 shows the row of Article 12 from the program.
func TestReportArticle12(t *testing.T) {
	a := newArticle12(t)
	const made = "report article12 --account @/account.json --policy @/policy.txt --dir @/bundles "
	contains(t, a.run(0, made+"--org acme --url "+a.url+" -o @/r.html -o @/r.json"), "9 receipts logged, 6 of them shown here",
		"3 checkpoints, 2 linked by proofs, 0 by the auditor's word, 0 do not hold", "1 jury-block", "supports record-keeping under Article 12")
	contains(t, a.run(0, "report --check @/r.json --policy @/policy.txt --dir @/bundles"), "✓", "6 receipts show", "3 checkpoints prove", "not checked: what the auditor counted")
	page, err := os.ReadFile(a.path("r.html"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(page), "Record-keeping under Article 12", "2 December 2027", "run-4")

	report, err := os.ReadFile(a.path("r.json"))
	if err != nil {
		t.Fatal(err)
	}
	a.write("altered.json", bytes.Replace(report, []byte(`"missing": 0`), []byte(`"missing": 1`), 1))
	contains(t, a.run(1, "report --check @/altered.json --policy @/policy.txt --dir @/bundles"), "✗ ", "is not what the evidence shows")
	a.write("unlinked.json", bytes.Replace(report, []byte(`"proof": [`), []byte(`"proof": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", `), 1))
	contains(t, a.run(1, "report --check @/unlinked.json --policy @/policy.txt --dir @/bundles"), "integrity.")

	// Without proofs the auditor's word is all there is, and that is said.
	contains(t, a.run(3, made), "2 by the auditor's word", "9 of them shown here")
	contains(t, a.run(3, made+"--format html"), "come without a proof")
}

// TestReportArticle12OfNobody holds that a name that no bundle has is not
// answered with a report of nothing.
func TestReportArticle12OfNobody(t *testing.T) {
	a := newArticle12(t)
	made := "report article12 --account @/account.json --policy @/policy.txt --url " + a.url + " --dir @/bundles "
	contains(t, a.run(3, made+"--org acmee -o @/r.json"), "error: no bundle that verifies", `"acmee"`, "(org_unknown)", "hint: the bundles are of acme, globex")
	if _, err := os.Stat(a.path("r.json")); err == nil {
		t.Error("a report was written")
	}
	contains(t, a.run(3, made+"--org acme --to 2020-01-01"), "9 receipts logged, 0 of them shown here")
	a.write("none/x.bundle.json", []byte("{}"))
	contains(t, a.run(1, strings.Replace(made, "@/bundles", "@/none", 1)+"--org acme"), "(org_unknown)", "none of them verifies")
}

func TestReportArticle12Mistakes(t *testing.T) {
	a := newArticle12(t)
	a.write("none.json", []byte("{}"))
	for line, want := range map[string]string{
		"report article12 --policy @/policy.txt --dir @/bundles":                                           "with --account",
		"report article12 --account @/account.json --dir @/bundles":                                        "with --policy",
		"report article12 --account @/account.json --policy @/policy.txt":                                  "say which bundles",
		"report article12 --account @/none.json --policy @/policy.txt --dir @/bundles":                     "what receiptctl audit --json prints",
		"report article12 --account @/account.json --policy @/policy.txt --dir @/bundles -o @/x.csv":       "HTML or JSON",
		"report article12 --account @/account.json --policy @/policy.txt --dir @/bundles --format oscal":   "HTML or JSON",
		"report article12 --account @/account.json --policy @/policy.txt --dir @/bundles --org a'or'b":     "no organisation's name",
		"report article12 --account @/account.json --policy @/policy.txt --dir @/bundles --from yesterday": "--from",
	} {
		contains(t, a.run(2, line), want)
	}
	contains(t, a.run(3, "report article12 --account @/account.json --policy @/policy.txt --dir @/bundles --url "+deadURL()), "is the log running")
}
