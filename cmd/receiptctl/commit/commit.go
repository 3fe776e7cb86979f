package commit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/armalo/receiptlog/client/receipt"
)

// ErrMissing is wrapped where the repository lacks an object, as a shallow
// clone does.
var ErrMissing = errors.New("not in this repository")

// Change is what a receipt says about a change.
type Change struct {
	Base, Head string         // full object ids; Base may be git's empty tree
	Files      []receipt.File // in git's order: by path, byte for byte
	SHA256     [sha256.Size]byte
	Bytes      int64 // length of the diff
}

// Read describes the change that a commit makes to base, or where base is ""
// to the commit's first parent. Both are anything that git rev-parse takes.
func (r *Repository) Read(ctx context.Context, base, rev string) (*Change, error) {
	head, err := r.resolve(ctx, rev)
	if err != nil {
		return nil, err
	}
	if base, err = r.base(ctx, base, head); err != nil {
		return nil, err
	}
	c := &Change{Base: base, Head: head}
	if c.Files, err = r.files(ctx, base, head); err != nil {
		return nil, err
	}
	c.SHA256, c.Bytes, err = r.Sum(ctx, base, head)
	return c, err
}

// base resolves an explicit base, else finds the first parent of head. It
// reads the commit itself: history as git shows it may be cut short (shallow
// clones) or rewritten (grafts, replace refs).
func (r *Repository) base(ctx context.Context, base, head string) (string, error) {
	if base != "" && base != r.hash.emptyTree {
		return r.resolve(ctx, base)
	}
	if base == r.hash.emptyTree {
		return base, nil
	}
	text, err := r.git(ctx, "--no-replace-objects", "cat-file", "commit", head)
	if err != nil {
		return "", fmt.Errorf("read commit %s: %w", head, err)
	}
	parent := firstParent(text)
	switch {
	case parent == "":
		return r.hash.emptyTree, nil
	case !r.hash.isID(parent):
		return "", fmt.Errorf("read commit %s: its parent %q is no object id", head, parent)
	case !r.has(ctx, parent):
		return "", fmt.Errorf("the parent %s of commit %s is %w", parent, head, ErrMissing)
	}
	return parent, nil
}

// firstParent returns what the first parent line of a raw commit says, or "".
func firstParent(raw string) string {
	header, _, _ := strings.Cut(raw, "\n\n")
	for line := range strings.Lines(header) {
		if id, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "parent "); ok {
			return id
		}
	}
	return ""
}

// Sum returns the SHA-256 and length of the diff between two commits or trees,
// given by full object ids. It wraps ErrMissing where the repository has not
// both.
func (r *Repository) Sum(ctx context.Context, base, head string) (sum [sha256.Size]byte, n int64, err error) {
	digest := sha256.New()
	n, err = r.Diff(ctx, digest, base, head)
	digest.Sum(sum[:0])
	return sum, n, err
}

// Diff writes the diff itself, and returns its length.
func (r *Repository) Diff(ctx context.Context, w io.Writer, base, head string) (int64, error) {
	for _, id := range []string{base, head} {
		if !r.hash.isID(id) {
			return 0, fmt.Errorf("%q is no full %s object id", id, r.hash.name)
		}
		if !r.has(ctx, id) {
			return 0, fmt.Errorf("%s is %w", id, ErrMissing)
		}
	}
	count := &counter{w: w}
	if err := r.isolated(ctx, count, append(diffArgs(), base, head)...); err != nil {
		return 0, fmt.Errorf("diff %s %s: %w", base, head, err)
	}
	return count.n, nil
}

// diffArgs is the command of the package documentation.
func diffArgs() []string {
	return []string{"diff-tree", "-r", "-p", "--text", "--full-index", "--no-renames", "--no-color",
		"--no-ext-diff", "--no-textconv", "--diff-algorithm=myers",
		"--indent-heuristic", "--unified=3", "--inter-hunk-context=0",
		"--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
		"--ignore-submodules=none", "-O/dev/null"}
}

// Command returns the git command for base and head as a person would type it.
func Command(base, head string) string {
	return "git -c core.quotePath=true " + strings.Join(diffArgs(), " ") + " " + base + " " + head
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
