package witness

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestRemovedLogIsNeverRolledBack: removing and adding a log again, however
// often, leaves its state where it was.
func TestRemovedLogIsNeverRolledBack(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	w.add(l.request(0, 9))
	for range 3 {
		if err := w.RemoveLog(l.origin); err != nil {
			t.Fatal(err)
		}
		if no := w.refused(l.request(9, 10)); no.Reason != UnknownLog {
			t.Fatalf("removed log: got reason %d, want %d", no.Reason, UnknownLog)
		}
		if _, err := w.Latest(HashOrigin(l.origin)); err != nil {
			t.Errorf("the checkpoint of a removed log is gone: %v", err)
		}
		if err := w.RemoveLog(l.origin); !errors.Is(err, ErrNoLog) {
			t.Errorf("removed twice: %v", err)
		}
		if c, err := w.AddLog(Log{Keys: []string{l.vkey}}); err != nil || c != Restored {
			t.Fatalf("added again: %v, %v", c, err)
		}
		if no := w.refused(l.fork().request(0, 9)); no.Reason != Conflict || no.Size != 9 {
			t.Fatalf("after adding it again: got reason %d, size %d", no.Reason, no.Size)
		}
	}
	w.add(l.request(9, 10))
	if w.Served() != 1 {
		t.Errorf("%d logs are served, want 1", w.Served())
	}
}

// TestRemovingDropsKeys: a key that was removed with its log is not trusted again
// unless it is given again.
func TestRemovingDropsKeys(t *testing.T) {
	l := newLog(t, "log.example/a")
	_, other, err := checkpoint.GenerateEd25519(l.origin)
	if err != nil {
		t.Fatal(err)
	}
	w := newWitness(t, Options{}, l)
	if err := w.RemoveLog(l.origin); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddLog(Log{Keys: []string{other}}); err != nil {
		t.Fatal(err)
	}
	if no := w.refused(l.request(0, 1)); no.Reason != Untrusted {
		t.Errorf("got reason %d, want %d", no.Reason, Untrusted)
	}
}

func TestAddLog(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	_, ecdsaLike, _ := strings.Cut(l.vkey, "+")
	for _, c := range []struct {
		name string
		log  Log
		want Change
	}{
		{"again", Log{Keys: []string{l.vkey}}, Unchanged},
		{"with terms", Log{Keys: []string{l.vkey}, PerDay: 100}, Updated},
		{"with the same terms", Log{Keys: []string{l.vkey}, PerDay: 100}, Unchanged},
		{"with a contact", Log{Keys: []string{l.vkey}, Contact: "a@log.example"}, Updated},
		{"under another origin", Log{Origin: "log.example/b", Keys: []string{l.vkey}}, Added},
		{"without keys", Log{Origin: "log.example/c"}, ""},
		{"with the same key twice", Log{Keys: []string{l.vkey, l.vkey}}, ""},
		{"with too many keys", Log{Keys: make([]string, MaxLogKeys+1)}, ""},
		{"with garbage", Log{Keys: []string{"log.example/a"}}, ""},
		{"with another name", Log{Keys: []string{"log.example/x+" + ecdsaLike}}, ""},
		{"with a newline", Log{Origin: "log\nexample", Keys: []string{l.vkey}}, ""},
		{"with a long origin", Log{Origin: strings.Repeat("x", 256), Keys: []string{l.vkey}}, ""},
	} {
		got, err := w.AddLog(c.log)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	var origins []string
	err := w.Logs("", func(hash string, s Status) error {
		if hash != HashOrigin(s.Origin) {
			t.Errorf("log %q stands under %s", s.Origin, hash)
		}
		origins = append(origins, s.Origin)
		return nil
	})
	if err != nil || len(origins) != 2 || w.Served() != 2 {
		t.Errorf("logs are %v, %d served, %v", origins, w.Served(), err)
	}
}

// TestForeignKeyTypes: logs may sign with what the specification does not
// recommend and the world uses.
func TestForeignKeyTypes(t *testing.T) {
	w := newWitness(t, Options{})
	for _, vkey := range []string{
		"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=",
	} {
		if c, err := w.AddLog(Log{Keys: []string{vkey}}); err != nil || c != Added {
			t.Errorf("%.30s: %v, %v", vkey, c, err)
		}
	}
}

// TestForkIsKept: who shows two trees of one size has proved it against himself.
func TestForkIsKept(t *testing.T) {
	l := newLog(t, "log.example/a")
	forks := 0
	w := newWitness(t, Options{OnFork: func() { forks++ }}, l)
	w.add(l.request(0, 9))
	hash := HashOrigin(l.origin)
	if row, err := w.Fork(hash); row != nil || err != nil {
		t.Fatalf("fork on record of an honest log: %q, %v", row, err)
	}
	bad := fmt.Appendf(nil, "old 9\n\n%s", l.fork().grow(9).signed(9))
	first := ""
	for range 2 {
		if no := w.refused(bad); no.Reason != Inconsistent {
			t.Fatalf("got reason %d, want %d", no.Reason, Inconsistent)
		}
		row, err := w.Fork(hash)
		if err != nil || first != "" && first != string(row) {
			t.Fatalf("row is %q, %v", row, err)
		}
		first = string(row)
	}
	other := l.fork().grow(9)
	if !strings.Contains(first, string(l.body(9))) || !strings.Contains(first, string(other.body(9))) {
		t.Errorf("the proof lacks a checkpoint: %s", first)
	}
	if forks != 1 {
		t.Errorf("reported %d times, want once", forks)
	}
	err := w.Logs("", func(_ string, s Status) error {
		if !s.Forked || s.Size != 9 || s.Cosigned.IsZero() {
			t.Errorf("status is %+v", s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestParseLogList(t *testing.T) {
	list := `# a comment
logs/v0

vkey sigsum.org/v1/tree/1643169b32bef33a3f54f8a353b87c475d19b6223cbb106390d10a29978e1cba+57f71a6a+AUfkgWBtisunR6awU9bC0ZFgX7EiF11BChICqRQwq845
qpd 8640
contact services@example.net | https://example.net/about

vkey log2025-alpha3.rekor.sigstage.dev+d3d3a70c+AZQ93VXPMmj9uZj7U/7CefQ9yy8RgYFv6mKzOseipjqp
origin rekor
bastion none
qpd 86400
contact infra-dev (at) example.dev
`
	logs, err := ParseLogList([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) != 2 || logs[0].PerDay != 8640 || logs[1].Origin != "rekor" ||
		logs[0].Origin != "sigsum.org/v1/tree/1643169b32bef33a3f54f8a353b87c475d19b6223cbb106390d10a29978e1cba" ||
		logs[1].Contact != "infra-dev (at) example.dev" {
		t.Errorf("got %+v", logs)
	}
	w := newWitness(t, Options{})
	for _, l := range logs {
		if c, err := w.AddLog(l); err != nil || c != Added {
			t.Errorf("%s: %v, %v", l.Origin, c, err)
		}
	}
	vkey := logs[0].Keys[0]
	for _, c := range []struct{ name, list, want string }{
		{"empty", "", "line 1"},
		{"no header", "\nvkey " + vkey, "line 2"},
		{"other version", "logs/v1\n", "line 1"},
		{"no vkey", "logs/v0\nqpd 5\n", "line 2"},
		{"bad vkey", "logs/v0\n\nvkey x+00000000+AAAA\n", "line 3"},
		{"qpd zero", "logs/v0\nvkey " + vkey + "\nqpd 0\n", "line 3"},
		{"qpd twice", "logs/v0\nvkey " + vkey + "\nqpd 1\nqpd 1\n", "line 4"},
		{"unknown", "logs/v0\nvkey " + vkey + "\nquota 1\n", "line 3"},
		{"no value", "logs/v0\nvkey " + vkey + "\ncontact\n", "line 3"},
		{"the same key twice", "logs/v0\nvkey " + vkey + "\nqpd 1\nvkey " + vkey + "\n", "line 4"},
	} {
		if _, err := ParseLogList([]byte(c.list)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error that names %s", c.name, err, c.want)
		}
	}
}

func TestRecentIsBounded(t *testing.T) {
	r := newRecent[int, int](8)
	for i := range 1000 {
		r.put(i, i)
		if _, ok := r.get(0); !ok {
			t.Fatalf("what is used all the time was dropped at %d", i)
		}
	}
	if n := len(r.now) + len(r.old); n > 16 {
		t.Errorf("it holds %d items, want at most 16", n)
	}
}

func TestLimiter(t *testing.T) {
	c := newClock()
	l := NewLimiter(2, 4, c.Now)
	for range 4 {
		if wait, ok := l.Take("a"); !ok {
			t.Fatalf("refused within the burst, for %v", wait)
		}
	}
	wait, ok := l.Take("a")
	if ok || wait != 500*time.Millisecond {
		t.Errorf("after the burst: %v, %v", wait, ok)
	}
	if _, ok := l.Take("b"); !ok {
		t.Error("another party was refused")
	}
	c.pass(wait)
	if _, ok := l.Take("a"); !ok {
		t.Error("refused after waiting as told")
	}
	c.pass(time.Hour)
	for range 4 {
		if _, ok := l.Take("a"); !ok {
			t.Error("the burst did not come back")
		}
	}
	if _, ok := l.Take("a"); ok {
		t.Error("an idle hour gave more than the burst")
	}
}
