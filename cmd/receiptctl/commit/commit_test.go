package commit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/receipt"
)

// lab is a scratch repository with a fixed author and clock.
type lab struct {
	t   *testing.T
	dir string
}

func newLab(t *testing.T, initArgs ...string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir()}
	l.git(append([]string{"init", "-q", "-b", "main"}, initArgs...)...)
	return l
}

func (l *lab) git(args ...string) string {
	l.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", l.dir}, args...)...)
	cmd.Env = append(cleanEnv(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2026-05-12T10:00:00Z", "GIT_COMMITTER_DATE=2026-05-12T10:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (l *lab) write(name, content string) {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) commit(message string) string {
	l.t.Helper()
	l.git("add", "-A")
	l.git("commit", "-q", "--allow-empty", "-m", message)
	return l.git("rev-parse", "HEAD")
}

func (l *lab) open() *Repository {
	l.t.Helper()
	r, err := Open(l.t.Context(), l.dir)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *lab) read(rev string) *Change {
	l.t.Helper()
	c, err := l.open().Read(l.t.Context(), "", rev)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func TestChange(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			l := newLab(t, "--object-format="+format)
			l.write("a.txt", "one\n")
			l.write("dir/gone.txt", "x\n")
			first := l.commit("first")
			l.write("a.txt", "two\n")
			l.write("b.bin", "\x00\x01\x02")
			os.Remove(filepath.Join(l.dir, "dir/gone.txt"))
			os.Symlink("a.txt", filepath.Join(l.dir, "link"))
			second := l.commit("second")

			root := l.read(first)
			if root.Base != l.open().hash.emptyTree || root.Head != first || len(root.Files) != 2 {
				t.Errorf("root commit: %+v", root)
			}
			c := l.read("HEAD")
			if c.Base != first || c.Head != second {
				t.Errorf("base %s head %s", c.Base, c.Head)
			}
			want := []receipt.File{{Path: "a.txt", Change: receipt.Modified}, {Path: "b.bin", Change: receipt.Added},
				{Path: "dir/gone.txt", Change: receipt.Deleted}, {Path: "link", Change: receipt.Added}}
			if len(c.Files) != len(want) {
				t.Fatalf("files %+v", c.Files)
			}
			for i, f := range want {
				if c.Files[i] != f {
					t.Errorf("file %d is %+v, want %+v", i, c.Files[i], f)
				}
			}
		})
	}
}

// TestCommandIsTheOneDocumented runs the documented command by hand.
func TestCommandIsTheOneDocumented(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\ntwo\n")
	l.commit("first")
	l.write("a.txt", "one\nthree\n")
	l.commit("second")
	c := l.read("HEAD")
	cmd := exec.Command("sh", "-c", "cd \"$1\" && "+Command(c.Base, c.Head), "sh", l.dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(out) != c.SHA256 || int64(len(out)) != c.Bytes {
		t.Errorf("the documented command printed another diff:\n%s", out)
	}
	if !bytes.HasPrefix(out, []byte("diff --git a/a.txt b/a.txt\n")) {
		t.Errorf("diff begins %q", out)
	}
}

// TestDiffIsTheSameForEver pins the hash of one change for all machines.
func TestDiffIsTheSameForEver(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\ntwo\nthree\n")
	l.write("data.bin", "\x00\x01\n\xff")
	l.commit("first")
	l.write("a.txt", "one\n2\nthree\n")
	l.write("data.bin", "\x00\x02\n\xff")
	l.write("caf\xc3\xa9.txt", "x") // no newline at its end
	l.commit("second")
	const want = "c30fcdc846c514fbe4163ed3c21c3876014ef621e00fc583307d72fbe549242a"
	if c := l.read("HEAD"); hex.EncodeToString(c.SHA256[:]) != want {
		var diff bytes.Buffer
		l.open().Diff(t.Context(), &diff, c.Base, c.Head)
		t.Errorf("diff has sha256 %x, want %s:\n%q", c.SHA256, want, diff.String())
	}
}

// TestNothingLocalChangesTheDiff tries every local setting that steers git's
// diffs and that we know of.
func TestNothingLocalChangesTheDiff(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n\n two\nthree\nfour\nfive\nsix\nseven\neight\n")
	l.write("pic.png", "\x00png\n")
	l.write("old name.txt", strings.Repeat("same\n", 50))
	l.commit("first")
	l.write("a.txt", "one\n\n 2\nthree\nfour\nfive\nsix\nseven\n8\n")
	l.write("pic.png", "\x00PNG\n")
	os.Rename(filepath.Join(l.dir, "old name.txt"), filepath.Join(l.dir, "new name.txt"))
	l.commit("second")
	want := l.read("HEAD").SHA256

	disturb := map[string]func(){
		"config": func() {
			for _, kv := range [][2]string{{"diff.context", "9"}, {"diff.algorithm", "histogram"}, {"diff.noprefix", "true"},
				{"diff.mnemonicPrefix", "true"}, {"diff.renames", "copies"}, {"diff.suppressBlankEmpty", "true"}, {"core.abbrev", "5"},
				{"color.ui", "always"}, {"diff.external", "false"}, {"diff.png.textconv", "wc"}, {"diff.png.binary", "true"},
				{"diff.txt.xfuncname", "^t"}, {"core.quotePath", "false"}, {"diff.indentHeuristic", "false"}, {"diff.orderFile", "order"},
				{"diff.interHunkContext", "5"}, {"diff.colorMoved", "zebra"}, {"core.attributesFile", filepath.Join(l.dir, "attrs")}} {
				l.git("config", kv[0], kv[1])
			}
			l.write("order", "pic.png\n")
			l.write("attrs", "*.txt -diff\n")
		},
		"attributes": func() { l.write(".gitattributes", "*.png diff=png\n*.txt diff=txt\n") },
		"info":       func() { l.write(".git/info/attributes", "*.txt -diff\n*.png diff=png\n") },
		"environment": func() {
			t.Setenv("GIT_EXTERNAL_DIFF", "false")
			t.Setenv("GIT_DIFF_OPTS", "--unified=9")
			t.Setenv("GIT_DIR", "/nowhere")
			t.Setenv("GIT_CONFIG_COUNT", "1")
			t.Setenv("GIT_CONFIG_KEY_0", "diff.context")
			t.Setenv("GIT_CONFIG_VALUE_0", "1")
			t.Setenv("LC_ALL", "de_DE.UTF-8")
		},
		"global": func() {
			home := t.TempDir()
			os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[diff]\n\tcontext = 9\n\tsuppressBlankEmpty = true\n"), 0o600)
			t.Setenv("HOME", home)
		},
	}
	for name, set := range disturb {
		set()
		if got := l.read("HEAD").SHA256; got != want {
			t.Errorf("%s changed the diff's hash", name)
		}
	}
}

func TestReplaceRefsAndGraftsDoNotCount(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n")
	first := l.commit("first")
	l.write("a.txt", "two\n")
	second := l.commit("second")
	want := l.read(second)
	l.write("a.txt", "evil\n")
	evil := l.commit("evil")
	l.git("replace", second, evil)
	if got := l.read(second); got.Base != first || got.SHA256 != want.SHA256 {
		t.Errorf("a replace ref changed %+v to %+v", want, got)
	}
}

func TestMergeIsComparedWithItsFirstParent(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n")
	l.commit("first")
	l.git("checkout", "-q", "-b", "side")
	l.write("side.txt", "s\n")
	l.commit("side")
	l.git("checkout", "-q", "main")
	l.write("main.txt", "m\n")
	main := l.commit("main")
	l.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	c := l.read("HEAD")
	if c.Base != main || len(c.Files) != 1 || c.Files[0].Path != "side.txt" {
		t.Errorf("got %+v", c)
	}
}

func TestShallowCloneSaysWhatIsMissing(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n")
	first := l.commit("first")
	l.write("a.txt", "two\n")
	l.commit("second")
	shallow := &lab{t: t, dir: filepath.Join(t.TempDir(), "clone")}
	l.git("clone", "-q", "--depth=1", "file://"+l.dir, shallow.dir)
	_, err := shallow.open().Read(t.Context(), "", "HEAD")
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), first) {
		t.Errorf("got %v", err)
	}
	_, _, err = shallow.open().Sum(t.Context(), first, shallow.git("rev-parse", "HEAD"))
	if !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
}

func TestEmptyCommitHasTheEmptyDiff(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n")
	l.commit("first")
	l.commit("nothing")
	c := l.read("HEAD")
	if c.SHA256 != sha256.Sum256(nil) || c.Bytes != 0 || len(c.Files) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestExplicitBase(t *testing.T) {
	l := newLab(t)
	for _, s := range []string{"1", "2", "3"} {
		l.write(s+".txt", s)
		l.commit(s)
	}
	c, err := l.open().Read(t.Context(), "HEAD~2", "main")
	if err != nil || len(c.Files) != 2 {
		t.Errorf("got %+v, %v", c, err)
	}
	c, err = l.open().Read(t.Context(), sha1Kind.emptyTree, "main")
	if err != nil || len(c.Files) != 3 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestBadRevisions(t *testing.T) {
	l := newLab(t)
	l.write("a.txt", "one\n")
	l.commit("first")
	for _, rev := range []string{"", "nope", "--all", "-h", "HEAD:a.txt", "HEAD~1", "HEAD\nHEAD"} {
		if c, err := l.open().Read(t.Context(), "", rev); err == nil {
			t.Errorf("revision %q gave %+v", rev, c)
		}
	}
	for _, id := range []string{"", "HEAD", "--output=x", strings.Repeat("0", 40), strings.Repeat("A", 40), strings.Repeat("0", 64)} {
		if _, _, err := l.open().Sum(t.Context(), id, id); err == nil {
			t.Errorf("id %q was diffed", id)
		}
	}
	if _, err := Open(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty folder was opened as a repository")
	}
}

func TestOddPlaces(t *testing.T) {
	odd := filepath.Join(t.TempDir(), `a:b "c"`)
	l := newLab(t)
	l.write("a.txt", "one\n")
	l.commit("first")
	want := l.read("HEAD")
	l.git("worktree", "add", "-q", odd, "HEAD")
	clone := &lab{t: t, dir: filepath.Join(t.TempDir(), `x:y\z`)}
	l.git("clone", "-q", "--bare", l.dir, clone.dir)
	for _, dir := range []string{odd, clone.dir, filepath.Join(l.dir, ".git")} {
		if got := (&lab{t: t, dir: dir}).read("HEAD"); got.SHA256 != want.SHA256 {
			t.Errorf("%s: another hash", dir)
		}
	}
}

func TestCancelled(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, l.dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzNameStatus(f *testing.F) {
	for _, seed := range []string{"", "A\x00a.txt\x00", "M\x00a\x00D\x00b\x00", "T\x00x\x00", "A\x00a", "A", "A\x00\x00", "R100\x00a\x00b\x00",
		"A\x00\xff\xfe\"\\\n\x00", "\x00a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, out string) {
		files, err := parseNameStatus(out)
		if err != nil {
			return
		}
		if len(files)*2 != strings.Count(out, "\x00") {
			t.Errorf("%q gave %d files", out, len(files))
		}
		for _, file := range files {
			if file.Path == "" || strings.ToValidUTF8(file.Path, "?") != file.Path {
				t.Errorf("%q gave path %q", out, file.Path)
			}
		}
	})
}

func FuzzFirstParent(f *testing.F) {
	f.Add("tree x\nparent abc\nparent def\nauthor a\n\nparent evil\n")
	f.Add("tree x\nauthor a\n\nparent evil\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		if parent := firstParent(raw); strings.ContainsRune(parent, '\n') {
			t.Errorf("%q gave %q", raw, parent)
		}
	})
}
