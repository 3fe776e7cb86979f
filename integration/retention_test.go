package integration

import (
	"bytes"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
)

// tryRun runs a program that may fail, and returns its exit status and what it
// printed.
func tryRun(t testing.TB, env []string, name string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, name), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// newKey makes a key for all organisations of a log that does not run.
func newKey(t testing.TB, dir, name string, scopes ...api.Scope) string {
	t.Helper()
	args := []string{"key", "create", "--dir", dir, "--name", name}
	for _, s := range scopes {
		args = append(args, "--scope", string(s))
	}
	return strings.TrimSpace(run(t, "receiptlog", args...))
}

// keyed is a server with an operator and an auditor.
type keyed struct {
	*server
	operator, auditor string
}

func newKeyed(t testing.TB, is *issuer) *keyed {
	k := &keyed{server: newServer(t, is.DID)}
	k.operator = newKey(t, k.Dir, "operator", api.ScopeReceiptsRead, api.ScopeRetentionWrite, api.ScopeAuditRead)
	k.auditor = newKey(t, k.Dir, "auditor", api.ScopeReceiptsRead, api.ScopeAuditRead)
	return k
}

func (k *keyed) client(token string) *api.Client {
	c, err := api.New(k.URL, api.Options{Token: token, Attempts: 2})
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

// audit runs receiptctl audit, and wants that exit status.
func (k *keyed) audit(state string, want int, more ...string) string {
	k.t.Helper()
	args := append([]string{"audit", "--url", k.URL, "--policy", filepath.Join(k.Dir, "policy.txt"), "--state", state}, more...)
	exit, out := tryRun(k.t, []string{"RECEIPTLOG_TOKEN=" + k.auditor}, "receiptctl", args...)
	if exit != want {
		k.t.Fatalf("receiptctl audit exits %d, want %d:\n%s", exit, want, out)
	}
	return out
}

// TestErasureSurvivesKills asks for erasures while the server is killed again
// and again, at any moment. In the end each is carried out, no salt is on the
// disk, the log is sound, and the auditor finds nothing. Then a body is deleted
// behind the log's back, and the auditor names it.
func TestErasureSurvivesKills(t *testing.T) {
	t.Parallel()
	ctx := background(t)
	is := newIssuer(t)
	k := newKeyed(t, is)
	state := filepath.Join(t.TempDir(), "audit")
	k.Start()
	var bundles []*bundle.Bundle
	for i := range 24 {
		result, err := k.client("").Submit(ctx, is.Receipt(t, fmt.Sprint("run-", i)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Parse(result.Bundle)
		if err != nil {
			t.Fatal(err)
		}
		bundles = append(bundles, b)
	}
	k.audit(state, 0)

	asked := 0
	for asked < 20 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for asked < 20 {
				_, err := k.client(k.operator).Erase(ctx, api.ErasureRequest{Org: orgOf(bundles[asked]), Indices: []uint64{bundles[asked].Index}, Legal: "GDPR Article 17", Asked: "case 31"})
				if p, ok := errors.AsType[*api.Problem](err); ok && p.Code == "erased" {
					err = nil // the one before the kill was heard
				}
				if err != nil {
					return
				}
				asked++
			}
		}()
		time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		k.Kill()
		<-done
		k.Start()
	}
	for i := range 20 {
		k.await(fmt.Sprint("run-", i))
	}
	k.awaitScrub(bundles[:20])
	out := k.audit(state, 0)
	for _, want := range []string{"20  erased lawfully", "4  present", "nothing found"} {
		if !strings.Contains(out, want) {
			t.Errorf("the account does not say %q:\n%s", want, out)
		}
	}
	k.Stop()
	if out := run(t, "receiptlog", "fsck", "--dir", k.Dir); !strings.Contains(out, "20 erased") {
		t.Errorf("fsck:\n%s", out)
	}

	victim := bundles[21].Index
	vandal := exec.Command("go", "run", "../log/logtest/vandal", filepath.Join(k.Dir, "data"), fmt.Sprint(victim))
	vandal.Env = append(os.Environ(), "GOTOOLCHAIN=auto")
	if out, err := vandal.CombinedOutput(); err != nil {
		t.Fatalf("vandal: %v\n%s", err, out)
	}
	k.Start()
	out = k.audit(state, 1, "--json")
	var account struct {
		Findings []struct {
			Code  string `json:"code"`
			Index uint64 `json:"index"`
		} `json:"findings"`
	}
	if err := json.Unmarshal([]byte(out), &account); err != nil || len(account.Findings) != 1 || account.Findings[0].Code != "body_missing" || account.Findings[0].Index != victim {
		t.Errorf("findings %+v (%v)", account.Findings, err)
	}
	k.monitor(state, "body_missing")
}

// monitor runs receiptctl monitor until its command was told of a finding.
func (k *keyed) monitor(state, code string) {
	k.t.Helper()
	told := filepath.Join(k.t.TempDir(), "told")
	cmd := exec.Command(filepath.Join(programs, "receiptctl"), "monitor", "--url", k.URL, "--policy", filepath.Join(k.Dir, "policy.txt"),
		"--state", state, "--interval", "200ms", "--exec", "cat >> "+told)
	cmd.Env = append(os.Environ(), "RECEIPTLOG_TOKEN="+k.auditor)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	for range 200 {
		if raw, _ := os.ReadFile(told); bytes.Contains(raw, []byte(code)) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Second) // long enough to tell of it again, which it must not
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		k.t.Errorf("receiptctl monitor ended badly when interrupted: %v", err)
	}
	raw, err := os.ReadFile(told)
	if err != nil || bytes.Count(raw, []byte(code)) != 1 {
		k.t.Errorf("told %q (%v), want %s once", raw, err, code)
	}
}

// orgOf reads the organisation's name of a receipt.
func orgOf(b *bundle.Bundle) string {
	var view struct {
		Subject struct {
			Build struct {
				Org string `json:"org"`
			} `json:"build"`
		} `json:"credentialSubject"`
	}
	if err := json.Unmarshal(b.Receipt, &view); err != nil {
		panic(err)
	}
	return view.Subject.Build.Org
}

// await waits until the log answers 410 for a run.
func (k *keyed) await(runID string) {
	k.t.Helper()
	for range 400 {
		_, err := k.client("").Receipt(k.t.Context(), runID, api.Only)
		if p, ok := errors.AsType[*api.Problem](err); ok && p.Status == 410 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	k.t.Fatalf("%s was never erased", runID)
}

// awaitScrub waits, as long as the log allows itself and some more, until no
// file of the data directory holds a salt. I7.
func (k *keyed) awaitScrub(bundles []*bundle.Bundle) {
	k.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		left := 0
		err := filepath.WalkDir(filepath.Join(k.Dir, "data"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil // removed meanwhile
			}
			for _, b := range bundles {
				if bytes.Contains(data, b.Salt[:]) {
					left++
				}
			}
			return nil
		})
		if err != nil {
			k.t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("%d salts are still on the disk", left)
		}
		time.Sleep(500 * time.Millisecond)
	}
}
