package commit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func subjects(t *testing.T, l *lab, from, to string, firstParent bool) []string {
	t.Helper()
	revisions, err := l.open().Range(t.Context(), from, to, firstParent)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range revisions {
		out = append(out, r.Subject)
	}
	return out
}

// forked is a repository whose main merges a side branch: first, side 1, side
// 2, main, merge.
func forked(t *testing.T) *lab {
	l := newLab(t)
	l.write("a.txt", "one\n")
	l.commit("first")
	l.git("checkout", "-q", "-b", "side")
	l.write("side.txt", "s\n")
	l.commit("side 1")
	l.write("side.txt", "ss\n")
	l.commit("side 2")
	l.git("checkout", "-q", "main")
	l.write("main.txt", "m\n")
	l.commit("main")
	l.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	return l
}

func TestRange(t *testing.T) {
	l := forked(t)
	for _, tt := range []struct {
		from, to    string
		firstParent bool
		want        string
	}{
		{"", "main", false, "[first side 1 side 2 main merge]"}, {"main~2", "main", false, "[side 1 side 2 main merge]"},
		{"main~2", "main", true, "[main merge]"}, {"main", "main", false, "[]"}, {"side~1", "side", false, "[side 2]"},
	} {
		got := subjects(t, l, tt.from, tt.to, tt.firstParent)
		if tt.want == "[first side 1 side 2 main merge]" || !tt.firstParent && len(got) == 4 {
			slices.Sort(got) // git is free to list either branch first
			want := strings.Fields(strings.Trim(tt.want, "[]"))
			if len(strings.Fields(strings.Join(got, " "))) != len(want) {
				t.Errorf("%+v: %v", tt, got)
			}
			continue
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	for _, rev := range []string{"", "nope", "--all", "-n1"} {
		if got, err := l.open().Range(t.Context(), "main", rev, false); err == nil {
			t.Errorf("to %q: %+v", rev, got)
		}
		if got, err := l.open().Range(t.Context(), rev, "main", false); err == nil && rev != "" {
			t.Errorf("from %q: %+v", rev, got)
		}
	}
}

func TestRangeReadsTrailersAndOddSubjects(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n")
	l.commit("commit 0123\tx\n\nbody\n\nReceipt-Run: run-1\nReceipt-Run: run-2\nSigned-off-by: a")
	l.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
	revisions, err := l.open().Range(t.Context(), "", "HEAD", false)
	if err != nil || len(revisions) != 2 {
		t.Fatalf("got %+v, %v", revisions, err)
	}
	if r := revisions[0]; r.Subject != "commit 0123\tx" || !slices.Equal(r.Runs, []string{"run-1", "run-2"}) || r.Parents != 0 {
		t.Errorf("got %+v", r)
	}
	if r := revisions[1]; r.Subject != "" || r.Runs != nil || r.Parents != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestWithin(t *testing.T) {
	l := forked(t)
	r := l.open()
	main, side, first := l.git("rev-parse", "main~1"), l.git("rev-parse", "side"), l.git("rev-parse", "main~2")
	for _, tt := range []struct {
		base, head string
		want       bool
	}{{first, side, true}, {main, side, false}, {side, first, false}, {r.hash.emptyTree, first, true}, {"main", side, false}, {strings.Repeat("0", 40), side, false}} {
		if got := r.Within(t.Context(), tt.base, tt.head); got != tt.want {
			t.Errorf("%s in %s: %v", tt.base, tt.head, got)
		}
	}
}

func TestCleanMerge(t *testing.T) {
	l := forked(t)
	r := l.open()
	clean := l.git("rev-parse", "main")
	if !r.CleanMerge(t.Context(), clean) {
		t.Error("a merge as git makes it is not clean")
	}
	l.git("checkout", "-q", "-b", "more", "side")
	l.write("more.txt", "more\n")
	l.commit("more")
	l.git("checkout", "-q", "main")
	l.git("merge", "-q", "--no-ff", "--no-commit", "more")
	l.write("smuggled.txt", "not reviewed\n")
	if evil := l.commit("merge"); r.CleanMerge(t.Context(), evil) {
		t.Error("a merge with a change of its own is clean")
	}
	for _, id := range []string{l.git("rev-parse", "side"), "main", ""} {
		if r.CleanMerge(t.Context(), id) {
			t.Errorf("%q is a clean merge", id)
		}
	}
}

func FuzzParseRevisions(f *testing.F) {
	id := strings.Repeat("ab", 20)
	f.Add("commit " + id + "\n" + id + "\trun-1,run-2\tsubject\n")
	f.Add("commit " + id + "\n\t\t\n")
	f.Add("commit x\n\t\t\ncommit")
	f.Add("")
	r := &Repository{hash: sha1Kind}
	f.Fuzz(func(t *testing.T, out string) {
		revisions, err := r.parseRevisions(out)
		if err != nil {
			return
		}
		for _, rev := range revisions {
			if !sha1Kind.isID(rev.ID) {
				t.Errorf("%q gave %+v", out, rev)
			}
		}
	})
}
