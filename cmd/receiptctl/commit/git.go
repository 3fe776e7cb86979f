package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoGit means that there is no git program to run.
var ErrNoGit = errors.New("the program git was not found")

// maxGitOutput bounds what is held of git's output, the diff itself aside: a
// list of a hundred thousand files with long names.
const maxGitOutput = 64 << 20

// Repository is a git repository on this machine.
type Repository struct {
	dir     string
	objects string // absolute path of its object store
	hash    hashKind
}

// hashKind is the object format of a repository.
type hashKind struct {
	name      string
	hexLen    int
	emptyTree string
}

var (
	sha1Kind   = hashKind{"sha1", 40, "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}
	sha256Kind = hashKind{"sha256", 64, "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"}
)

// Open finds the repository that dir is in.
func Open(ctx context.Context, dir string) (*Repository, error) {
	r := &Repository{dir: dir}
	out, err := r.git(ctx, "rev-parse", "--path-format=absolute", "--git-path", "objects", "--show-object-format")
	if err != nil {
		return nil, fmt.Errorf("open git repository %s: %w", dir, err)
	}
	objects, format, _ := strings.Cut(strings.TrimSuffix(out, "\n"), "\n")
	switch format {
	case sha1Kind.name:
		r.hash = sha1Kind
	case sha256Kind.name:
		r.hash = sha256Kind
	default:
		return nil, fmt.Errorf("open git repository %s: unknown object format %q", dir, format)
	}
	r.objects = objects
	return r, nil
}

// resolve returns the full id of the commit that rev names.
func (r *Repository) resolve(ctx context.Context, rev string) (string, error) {
	out, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("no commit %q in %s", rev, r.dir)
	}
	id := strings.TrimSuffix(out, "\n")
	if !r.hash.isID(id) {
		return "", fmt.Errorf("no commit %q in %s", rev, r.dir)
	}
	return id, nil
}

// has reports whether the repository holds this object.
func (r *Repository) has(ctx context.Context, id string) bool {
	if id == r.hash.emptyTree {
		return true // git knows it by heart
	}
	_, err := r.git(ctx, "cat-file", "-e", id)
	return err == nil
}

func (k hashKind) isID(s string) bool {
	return len(s) == k.hexLen && strings.Trim(s, "0123456789abcdef") == ""
}

// git runs git in the repository as the user has it configured, which decides
// where objects are and whom they may belong to, and returns its output.
func (r *Repository) git(ctx context.Context, args ...string) (string, error) {
	var out limitedBuffer
	args = append([]string{"-C", r.dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"}, args...)
	if err := run(ctx, cleanEnv(), &out, args...); err != nil {
		return "", err
	}
	return out.String(), nil
}

// isolated runs git on the repository's objects where no configuration and no
// attributes but our own apply, and copies its output to w.
func (r *Repository) isolated(ctx context.Context, w io.Writer, args ...string) error {
	scratch, err := os.MkdirTemp("", "receiptctl-git-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	empty := filepath.Join(scratch, "empty.git")
	env := append(cleanEnv(),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C", "HOME="+scratch, "XDG_CONFIG_HOME="+scratch)
	if err := run(ctx, env, io.Discard, "init", "--quiet", "--bare", "--template=", "--object-format="+r.hash.name, empty); err != nil {
		return fmt.Errorf("make an empty repository: %w", err)
	}
	env = append(env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+quoteAlternate(r.objects))
	return run(ctx, env, w, append([]string{"--git-dir=" + empty, "-c", "core.quotePath=true"}, args...)...)
}

// quoteAlternate quotes one path as git reads GIT_ALTERNATE_OBJECT_DIRECTORIES,
// where a list separator or a leading quote would otherwise have a meaning.
func quoteAlternate(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// cleanEnv is our environment without what steers git: inside a hook GIT_DIR
// and others name another repository than the one we were asked about.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return append(env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
}

func run(ctx context.Context, env []string, w io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	var complaint limitedBuffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, w, &complaint
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return ErrNoGit
	case complaint.Len() > 0:
		return errors.New("git says: " + strings.TrimPrefix(firstLine(complaint.String()), "fatal: "))
	default:
		return fmt.Errorf("run git: %w", err)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// limitedBuffer is a buffer that refuses to grow over maxGitOutput.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxGitOutput {
		return 0, errors.New("git printed too much")
	}
	return b.Buffer.Write(p)
}
