package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// RunTrailer is the trailer of a commit message that names the run whose
// receipt is about the commit.
const RunTrailer = "Receipt-Run"

// Revision is one commit of a range.
type Revision struct {
	ID      string
	Subject string
	Parents int
	Runs    []string // what the trailers RunTrailer say, as they say it
}

// Range lists the commits that to reaches and from does not, oldest first. An
// empty from lists all that to reaches. With firstParent only the first parent
// of each merge is followed, so that a merge stands for what it brought in.
func (r *Repository) Range(ctx context.Context, from, to string, firstParent bool) ([]Revision, error) {
	head, err := r.resolve(ctx, to)
	if err != nil {
		return nil, err
	}
	args := []string{"--no-replace-objects", "rev-list", "--reverse", "--topo-order",
		"--format=%P%x09%(trailers:key=" + RunTrailer + ",valueonly,unfold,separator=%x2C)%x09%s", head}
	if firstParent {
		args = append(args, "--first-parent")
	}
	if from != "" {
		base, err := r.resolve(ctx, from)
		if err != nil {
			return nil, err
		}
		args = append(args, "^"+base)
	}
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("list commits %s..%s: %w", from, to, err)
	}
	return r.parseRevisions(out)
}

// parseRevisions reads pairs of lines: "commit <id>", and what Range asks for.
func (r *Repository) parseRevisions(out string) ([]Revision, error) {
	var revisions []Revision
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if out == "" {
		return nil, nil
	}
	for i := 0; i+1 < len(lines); i += 2 {
		id, ok := strings.CutPrefix(lines[i], "commit ")
		fields := strings.SplitN(lines[i+1], "\t", 3)
		if !ok || !r.hash.isID(id) || len(fields) != 3 {
			return nil, fmt.Errorf("list commits: git printed %q", lines[i])
		}
		rev := Revision{ID: id, Subject: strings.ToValidUTF8(fields[2], "\uFFFD"), Parents: len(strings.Fields(fields[0]))}
		for run := range strings.SplitSeq(fields[1], ",") {
			if run = strings.TrimSpace(run); run != "" {
				rev.Runs = append(rev.Runs, run)
			}
		}
		revisions = append(revisions, rev)
	}
	if len(lines)%2 != 0 {
		return nil, errors.New("list commits: git printed an odd number of lines")
	}
	return revisions, nil
}

// Within reports whether the commit base is an ancestor of head, so that the
// diff between them holds all that the commits between them changed. Both are
// full object ids; the empty tree comes before everything.
func (r *Repository) Within(ctx context.Context, base, head string) bool {
	if base == r.hash.emptyTree {
		return true
	}
	if !r.hash.isID(base) || !r.hash.isID(head) {
		return false
	}
	_, err := r.git(ctx, "--no-replace-objects", "merge-base", "--is-ancestor", base, head)
	return err == nil
}

// IsEmptyTree reports whether id is git's empty tree, the base of a first commit.
func (r *Repository) IsEmptyTree(id string) bool { return id == r.hash.emptyTree }

// CleanMerge reports whether a commit is a merge of two parents whose tree is
// the very one that git makes of them by itself: such a merge brings in nothing
// that its parents do not have. Where git is too old to tell (before 2.38) it is
// none.
func (r *Repository) CleanMerge(ctx context.Context, id string) bool {
	if !r.hash.isID(id) {
		return false
	}
	out, err := r.git(ctx, "--no-replace-objects", "rev-parse", id+"^1", id+"^2", id+"^{tree}")
	if err != nil {
		return false
	}
	ids := strings.Fields(out)
	if _, err := r.git(ctx, "--no-replace-objects", "rev-parse", "--verify", "--quiet", id+"^3"); len(ids) != 3 || err == nil {
		return false
	}
	var tree bytes.Buffer
	err = r.isolated(ctx, &tree, "merge-tree", "--write-tree", ids[0], ids[1])
	return err == nil && strings.TrimSpace(tree.String()) == ids[2]
}
