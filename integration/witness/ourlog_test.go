package witness

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verify"
)

// ourLog is a receiptlog with one issuer.
type ourLog struct {
	*process
	t      *testing.T
	dir    string
	url    string
	policy []byte // for those who verify, and for the log
	origin string
	vkeys  []string
	issuer ed25519.PrivateKey
	runs   int
}

// newOurLog makes a log that publishes with k of the witnesses. It does not start it.
func newOurLog(t *testing.T, origin string, k int, witnesses ...*witness) *ourLog {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &ourLog{t: t, dir: filepath.Join(t.TempDir(), "log"), origin: origin, issuer: key}
	run(t, filepath.Join(programs, "receiptlog"), "init", "--dir", l.dir, "--origin", origin,
		"--issuer", did.KeyDID(key.Public().(ed25519.PublicKey)))
	l.setConfig(`"checkpointInterval": "250ms"`, `"checkpointInterval": "50ms"`)
	l.setConfig(`"republishInterval": "1m0s"`, `"republishInterval": "1s"`)
	l.setConfig(`"policy": ""`, `"policy": "witnesses.txt"`)
	for line := range strings.Lines(l.read("policy.txt")) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "log" {
			l.vkeys = append(l.vkeys, f[1])
		}
	}
	var lines [][3]string
	for i, w := range witnesses {
		w.add(origin, l.vkeys[0])
		lines = append(lines, [3]string{fmt.Sprintf("w%d", i+1), w.vkeys[0], w.url})
	}
	l.policy = policyText(l.vkeys[0], k, lines)
	l.write("witnesses.txt", string(l.policy))
	return l
}

func (l *ourLog) read(name string) string {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(raw)
}

func (l *ourLog) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *ourLog) setConfig(old, set string) {
	l.t.Helper()
	text := l.read("receiptlog.json")
	if !strings.Contains(text, old) {
		l.t.Fatalf("no %s in the configuration\n%s", old, text)
	}
	l.write("receiptlog.json", strings.Replace(text, old, set, 1))
}

// serve starts the log and waits for its address, not until it is ready.
func (l *ourLog) serve() {
	l.t.Helper()
	address := filepath.Join(l.t.TempDir(), "address")
	l.process = start(l.t, ".", filepath.Join(programs, "receiptlog"), "serve", "--dir", l.dir, "--listen", "127.0.0.1:0", "--address-file", address)
	l.await("address", func() bool {
		raw, err := os.ReadFile(address)
		l.url = "http://" + strings.TrimSpace(string(raw))
		return err == nil
	})
}

// ready is what /readyz answers.
type ready struct {
	OK      bool   `json:"ok"`
	Detail  string `json:"detail"`
	Size    uint64 `json:"size"`
	Missing []struct {
		Witness string    `json:"witness"`
		Since   time.Time `json:"since"`
	} `json:"missing"`
}

func (l *ourLog) get(path string) (int, []byte) {
	l.t.Helper()
	resp, err := http.Get(l.url + path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, data
}

func (l *ourLog) ready() (status int, r ready) {
	l.t.Helper()
	status, body := l.get("/readyz")
	if err := json.Unmarshal(body, &r); err != nil {
		l.t.Fatalf("%s: %v", body, err)
	}
	return status, r
}

// awaitReady waits until /readyz has that status and what it says is so.
func (l *ourLog) awaitReady(want int, so func(r ready) bool) (r ready) {
	l.t.Helper()
	l.await(fmt.Sprintf("/readyz with %d", want), func() (is bool) {
		var status int
		status, r = l.ready()
		return status == want && (so == nil || so(r))
	})
	return r
}

func (l *ourLog) receipt(run string) []byte {
	l.t.Helper()
	issuer := did.KeyDID(l.issuer.Public().(ed25519.PublicKey))
	credential := fmt.Sprintf(`{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],
		"id":"urn:run:%[1]s","type":["VerifiableCredential","BuildReceipt"],"issuer":%[2]q,"validFrom":"2026-05-12T10:00:00Z",
		"credentialSubject":{"id":"urn:build:%[1]s","build":{"runId":%[1]q,"org":"acme","planSummary":"tidy up",
		"policyGates":[{"id":"receipt.publish","decision":"allow","fired":false}],
		"diff":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}}`, run, issuer)
	signed, err := receipt.Sign([]byte(credential), l.issuer, receipt.SignOptions{
		VerificationMethod: issuer + "#" + strings.TrimPrefix(issuer, "did:key:"), Created: time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

// post submits a receipt, and waits no longer than a second where async.
func (l *ourLog) post(data []byte, async bool) (*http.Response, []byte) {
	l.t.Helper()
	req, err := http.NewRequest(http.MethodPost, l.url+api.RouteReceipts, bytes.NewReader(data))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Content-Type", api.MediaCredential)
	if async {
		req.Header.Set("Prefer", "respond-async, wait=1")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp, body
}

// submit logs a receipt of a new run and returns its bundle.
func (l *ourLog) submit() *bundle.Bundle {
	l.t.Helper()
	l.runs++
	return l.submitted(l.receipt(fmt.Sprintf("run-%d", l.runs)), http.StatusCreated)
}

func (l *ourLog) submitted(data []byte, want int) *bundle.Bundle {
	l.t.Helper()
	resp, body := l.post(data, false)
	var result api.SubmitResult
	if err := json.Unmarshal(body, &result); resp.StatusCode != want || err != nil {
		l.t.Fatalf("submit: %d %s\n%s", resp.StatusCode, body, l.out)
	}
	b, err := bundle.Parse(result.Bundle)
	if err != nil {
		l.t.Fatal(err)
	}
	return b
}

// accept has torchwood and our own verifier verify a bundle by the policy.
func (l *ourLog) accept(b *bundle.Bundle, cosigners int) {
	l.t.Helper()
	accept(l.t, l.policy, b.Checkpoint, cosigners)
	theirs, err := torchwood.ParsePolicy(l.policy)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := torchwood.VerifyProof(theirs, tlog.RecordHash(b.Entry), b.TlogProof().Marshal()); err != nil {
		l.t.Errorf("torchwood refuses the proof: %v", err)
	}
	p, err := policy.Parse(l.policy)
	if err != nil {
		l.t.Fatal(err)
	}
	if v := verify.Bundle(b, verify.Options{Policy: p}); !v.Verified {
		l.t.Errorf("we refuse the bundle: %+v", v.Reasons)
	}
}

func (l *ourLog) size() uint64 {
	l.t.Helper()
	status, signed := l.get("/checkpoint")
	c, err := checkpoint.ParseSigned(signed)
	if status != http.StatusOK || err != nil {
		l.t.Fatalf("checkpoint: %d, %v", status, err)
	}
	return c.Size
}

// copyTo copies the stopped log's directory as cp does, and returns the copy.
func (l *ourLog) copyTo(dir string) *ourLog {
	l.t.Helper()
	if err := os.CopyFS(dir, os.DirFS(l.dir)); err != nil {
		l.t.Fatal(err)
	}
	for _, key := range []string{"log-ed25519.key", "log-mldsa44.key"} {
		if err := os.Chmod(filepath.Join(dir, key), 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
	other := *l
	other.dir, other.process = dir, nil
	return &other
}
