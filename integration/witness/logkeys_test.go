package witness

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verify"
)

// keys runs receiptlog log-keys and returns what it prints.
func (l *ourLog) keys(args ...string) string {
	l.t.Helper()
	out, err := exec.Command(filepath.Join(programs, "receiptlog"), append([]string{"log-keys", args[0], "--dir", l.dir}, args[1:]...)...).Output()
	if err != nil {
		l.t.Fatalf("receiptlog log-keys %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// verifies holds who accepts a bundle: by each policy, whether it is to verify.
func verifies(t *testing.T, what string, b *bundle.Bundle, want map[string]bool, policies map[string]string) {
	t.Helper()
	for name, wanted := range want {
		p, err := policy.Parse([]byte(policies[name]))
		if err != nil {
			t.Fatal(err)
		}
		if v := verify.Bundle(b, verify.Options{Policy: p}); v.Verified != wanted {
			t.Errorf("%s by the policy %s: %v %v, want %v", what, name, v.Verified, v.Reasons, wanted)
		}
	}
}

// TestLogKeyRotation rotates the Ed25519 key of a log under its witnesses, ours and a
// foreign one. While both keys sign, whoever has the old policy and whoever has the
// new one verify the same; what was made before stays valid.
func TestLogKeyRotation(t *testing.T) {
	a, b := ours(t, "witness.example/a"), foreign(t, "witness.example/b")
	l := newOurLog(t, "log.example/rotates", 2, a, b)
	l.serve()
	before := l.submit()
	l.stop()

	old := l.vkeys[0]
	_, id, _ := strings.Cut(old, "+")
	id, _, _ = strings.Cut(id, "+")
	retire := func() ([]byte, error) {
		return exec.Command(filepath.Join(programs, "receiptlog"), "log-keys", "retire", "--dir", l.dir, id).CombinedOutput()
	}
	if out, err := retire(); err == nil || !strings.Contains(string(out), "no other Ed25519 key") {
		t.Fatalf("the only Ed25519 key was retired: %v\n%s", err, out)
	}
	both := l.keys("add")
	if both != l.read("policy.txt") {
		t.Errorf("it prints\n%s\nand policy.txt is\n%s", both, l.read("policy.txt"))
	}
	if out, err := retire(); err == nil || !strings.Contains(string(out), "has signed a checkpoint yet") {
		t.Fatalf("retired before the new key has signed: %v\n%s", err, out)
	}
	run(t, filepath.Join(programs, "receiptlog"), "fsck", "--dir", l.dir)
	var fresh string
	for vkey := range strings.FieldsSeq(l.keys("list")) {
		if !strings.Contains(strings.Join(l.vkeys, " "), vkey) {
			fresh = vkey
		}
	}
	if strings.Count(both, "\nlog ") != 3 || !strings.Contains(both, "\nlog "+fresh+"\n") {
		t.Fatalf("the policy does not list the new key %s\n%s", fresh, both)
	}
	// Whoever verifies by the Ed25519 keys, with the quorum of witnesses.
	policies := map[string]string{
		"old":  string(l.policy),
		"new":  strings.Replace(string(l.policy), "log "+old, "log "+fresh, 1),
		"both": strings.Replace(string(l.policy), "log "+old, "log "+old+"\nlog "+fresh, 1),
	}
	verifies(t, "what was made before", before, map[string]bool{"old": true, "new": false, "both": true}, policies)

	l.serve()
	during := l.submit() // witnesses that know only the old key cosign
	l.accept(during, 2)
	verifies(t, "what is made meanwhile", during, map[string]bool{"old": true, "new": true, "both": true}, policies)
	a.add(l.origin, fresh)
	run(t, "sqlite3", filepath.Join(b.dir, "db"), "PRAGMA busy_timeout=5000; INSERT INTO key VALUES ('"+l.origin+"', '"+fresh+"');")
	l.stop()

	if out, err := retire(); err != nil {
		t.Fatalf("retire: %v\n%s", err, out)
	}
	if left := l.keys("list"); strings.Contains(left, old) || !strings.HasPrefix(left, fresh+"\n") {
		t.Errorf("keys are now\n%s", left)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "retired", "log-ed25519.key")); err != nil {
		t.Error(err)
	}
	l.serve()
	after := l.submit()
	verifies(t, "what is made after", after, map[string]bool{"old": false, "new": true, "both": true}, policies)
	verifies(t, "what was made before", before, map[string]bool{"old": true, "new": false, "both": true}, policies)
	l.awaitReady(http.StatusOK, func(r ready) bool { return len(r.Missing) == 0 })
	// The log itself knows its retired key: what it signed is not foreign to it.
	c, err := api.New(l.url, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.VerifyExternal(t.Context(), api.VerifyRequest{Receipt: before.Receipt, Bundle: before.Marshal()}); err != nil || !v.Verified {
		t.Errorf("the log does not verify what it signed before: %+v, %v", v, err)
	}
	l.stop()
	run(t, filepath.Join(programs, "receiptlog"), "fsck", "--dir", l.dir)
	// And a key that nobody announced is still refused.
	stranger := newOurLog(t, l.origin, 1, a)
	l.write("log-mldsa44.key", stranger.read("log-mldsa44.key"))
	l.serve()
	l.refuses(after.Index+1, "is not signed by these log keys", "bring back the configuration and the key files")
	l.stop()
}
