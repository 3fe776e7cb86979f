package witness

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
)

// refuses holds that the log signs nothing, says why, and serves what it has.
func (l *ourLog) refuses(size uint64, why, do string) {
	l.t.Helper()
	r := l.awaitReady(http.StatusServiceUnavailable, func(r ready) bool { return strings.HasPrefix(r.Detail, "the log refuses to sign: ") })
	if !strings.Contains(r.Detail, why) {
		l.t.Errorf("I5: /readyz says %q, want %q", r.Detail, why)
	}
	for _, said := range []string{"REFUSING TO SIGN", why, do} {
		if !strings.Contains(l.out.String(), said) {
			l.t.Errorf("I5: the log does not say %q\n%s", said, l.out)
		}
	}
	resp, body := l.post(l.receipt("refused"), false)
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"code":"not_signing"`) {
		l.t.Errorf("I5: a receipt is answered with %d %s", resp.StatusCode, body)
	}
	if now := l.size(); now != size {
		l.t.Errorf("I5: it published %d entries, and had %d", now, size)
	}
	if status, body := l.get(api.BundleRoute("run-1")); status != http.StatusOK {
		l.t.Errorf("reading has stopped: %d %s", status, body)
	}
}

// inRunbook holds that the README's runbook shows a message.
func inRunbook(t *testing.T, message string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, runbook, found := strings.Cut(string(text), "#### Runbook: the log refuses to sign\n")
	if !found || !strings.Contains(runbook, message) {
		t.Errorf("the README's runbook does not show %q", message)
	}
}

// newest is what an operator is told to look for.
const newest = "find the newest data directory and start with that"

// TestI5RestoredBackup: an old copy of everything is put back under a running set
// of witnesses. With our witness there is proof; litewitness has its bare word.
func TestI5RestoredBackup(t *testing.T) {
	for name, set := range map[string]func(t *testing.T) []*witness{
		"ours": func(t *testing.T) []*witness { return []*witness{ours(t, "witness.example/ours")} },
		"lite": func(t *testing.T) []*witness { return []*witness{foreign(t, "witness.example/lite")} },
		"mixed": func(t *testing.T) []*witness {
			return []*witness{ours(t, "witness.example/o"), foreign(t, "witness.example/l")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			witnesses := set(t)
			l := newOurLog(t, "log.example/restored", len(witnesses), witnesses...)
			l.serve()
			l.submit()
			l.submit()
			l.stop()
			backup := l.copyTo(filepath.Join(t.TempDir(), "backup"))
			l.serve()
			for range 3 {
				l.submit()
			}
			l.stop()
			const older = "this log at size 5, and our tree has only 2 entries: our data is older than what was published"
			inRunbook(t, older)
			backup.serve()
			backup.refuses(2, older, newest)
			backup.stop()
			if name == "ours" { // which asks nobody
				l.restoredData(backup)
			}
			l.serve() // the newest data is good
			l.accept(l.submit(), len(witnesses))
			l.stop()
		})
	}
}

// restoredData puts the data alone of an old copy back, in a copy of the stopped log:
// the log itself knows.
func (l *ourLog) restoredData(old *ourLog) {
	l.t.Helper()
	const why = "the log was rolled back: it published a checkpoint that its data does not have: it had 5 entries, the data has 2"
	inRunbook(l.t, why)
	half := l.copyTo(filepath.Join(l.t.TempDir(), "half"))
	data := filepath.Join(half.dir, "data")
	if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(filepath.Join(old.dir, "data")))); err != nil {
		l.t.Fatal(err)
	}
	half.serve()
	half.refuses(2, why, newest)
	half.stop()
}

// TestI5CopyBesideTheOriginal: a copy is started while the original runs. Whoever
// comes first with another tree wins; the other signs nothing more.
func TestI5CopyBesideTheOriginal(t *testing.T) {
	a, b := ours(t, "witness.example/a"), foreign(t, "witness.example/b")
	l := newOurLog(t, "log.example/twice", 2, a, b)
	l.serve()
	l.submit()
	l.stop()
	other := l.copyTo(filepath.Join(t.TempDir(), "copy"))
	l.serve()
	other.serve()
	other.awaitReady(http.StatusOK, nil)
	l.submit()
	if resp, body := other.post(other.receipt("of-the-copy"), true); resp.StatusCode == http.StatusCreated {
		t.Fatalf("I5: the copy has published another tree: %s", body)
	}
	const another = "another tree of this log at size 2"
	inRunbook(t, another)
	other.refuses(1, another, newest)
	l.accept(l.submit(), 2)
	l.stop()
	other.kill()
}

// TestI5SwappedKeys: with keys that did not sign what it published, or with the
// configuration of another log, a log signs nothing and serves reads. With the policy
// of another log it does not start.
func TestI5SwappedKeys(t *testing.T) {
	a := ours(t, "witness.example/a")
	l, other := newOurLog(t, "log.example/keys", 1, a), newOurLog(t, "log.example/keys", 1, a)
	l.serve()
	l.submit()
	size := l.size()
	l.stop()
	const anyOrigin = "…" // as the runbook writes it
	for _, swap := range []struct{ file, says string }{
		{"log-ed25519.key", "the published checkpoint is not signed by these log keys"},
		{"log-mldsa44.key", "the published checkpoint is not signed by these log keys"},
		{"receiptlog.json", "the data is of the log log.example/keys, and the configuration is of log.example/others"},
	} {
		inRunbook(t, strings.NewReplacer("log.example/keys", anyOrigin, "log.example/others", anyOrigin).Replace(swap.says))
		mine := l.read(swap.file)
		l.write(swap.file, other.read(swap.file))
		if swap.file == "receiptlog.json" {
			l.setConfig(`"origin": "log.example/keys"`, `"origin": "log.example/others"`)
		}
		l.serve()
		l.refuses(size, swap.says, "bring back the configuration and the key files")
		l.stop()
		l.write(swap.file, mine)
	}
	mine := l.read("witnesses.txt")
	l.write("witnesses.txt", other.read("witnesses.txt"))
	p := start(t, ".", filepath.Join(programs, "receiptlog"), "serve", "--dir", l.dir, "--listen", "127.0.0.1:0")
	<-p.exited
	const foreignPolicy = "none is of this log"
	inRunbook(t, foreignPolicy)
	if p.err == nil || !strings.Contains(p.out.String(), foreignPolicy) {
		t.Errorf("another log's policy: %v\n%s", p.err, p.out)
	}
	l.write("witnesses.txt", mine)
	l.serve()
	l.accept(l.submit(), 1)
	l.stop()
}
