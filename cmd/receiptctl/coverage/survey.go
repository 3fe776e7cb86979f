package coverage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/armalo/receiptlog/cmd/receiptctl/commit"
)

// emptySum is the hash of an empty diff, which many commits have.
var emptySum = hexOf(sha256.Sum256(nil))

// Survey is a range of commits to be held against claims.
type Survey struct {
	repo    *commit.Repository
	commits []Commit
	merges  map[string]bool  // ids of merges
	runs    []string         // run ids that the commits' trailers name
	byID    map[string]int   // commit id to its place
	bySum   map[string][]int // hash of a diff that is not empty, to the commits that have it
	claims  map[int][]Claim  // for each commit, those with its id or its diff
}

// NewSurvey lists the commits that to reaches and from does not, and makes
// their diffs, from several goroutines. step is called after each.
func NewSurvey(ctx context.Context, repo *commit.Repository, from, to string, firstParent bool, workers int, step func(done, total int)) (*Survey, error) {
	revisions, err := repo.Range(ctx, from, to, firstParent)
	if err != nil {
		return nil, err
	}
	s := &Survey{repo: repo, commits: make([]Commit, len(revisions)), merges: make(map[string]bool),
		byID: make(map[string]int), bySum: make(map[string][]int), claims: make(map[int][]Claim)}
	for i, r := range revisions {
		s.commits[i] = Commit{ID: r.ID, Subject: r.Subject, Status: Missing}
		s.byID[r.ID] = i
		s.merges[r.ID] = r.Parents == 2 && !firstParent
		s.runs = append(s.runs, r.Runs...)
	}
	if err := s.diffs(ctx, workers, step); err != nil {
		return nil, err
	}
	for i := range s.commits {
		if c := &s.commits[i]; c.SHA256 != "" && c.SHA256 != emptySum {
			s.bySum[c.SHA256] = append(s.bySum[c.SHA256], i)
		}
	}
	return s, nil
}

// Runs lists the run ids that trailers of the commits name.
func (s *Survey) Runs() []string {
	return slices.Compact(slices.Sorted(slices.Values(s.runs)))
}

// Commits lists the ids of the commits, oldest first.
func (s *Survey) Commits() []string {
	ids := make([]string, len(s.commits))
	for i := range s.commits {
		ids[i] = s.commits[i].ID
	}
	return ids
}

// diffs makes the diff of every commit.
func (s *Survey) diffs(ctx context.Context, workers int, step func(done, total int)) error {
	next, finished := make(chan *Commit), make(chan error)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for c := range next {
				finished <- s.diff(ctx, c)
			}
		})
	}
	go func() {
		for i := range s.commits {
			next <- &s.commits[i]
		}
		close(next)
		all.Wait()
		close(finished)
	}()
	var failed error
	done := 0
	for err := range finished {
		done++
		step(done, len(s.commits))
		failed = errors.Join(failed, err)
	}
	return failed
}

// diff makes one commit's diff. That it cannot be made is a finding; that we
// were told to stop is an error.
func (s *Survey) diff(ctx context.Context, c *Commit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	change, err := s.repo.Read(ctx, "", c.ID)
	if err != nil {
		c.Status, c.Detail = Unknown, err.Error()
		return ctx.Err()
	}
	c.SHA256, c.base = hexOf(change.SHA256), change.Base
	return nil
}

// Add takes in what a bundle says, if it is about one of the commits.
func (s *Survey) Add(claim Claim) {
	places := slices.Clone(s.bySum[claim.SHA256])
	if i, ok := s.byID[claim.Head]; ok && !slices.Contains(places, i) {
		places = append(places, i)
	}
	for _, i := range places {
		s.claims[i] = append(s.claims[i], claim)
	}
}

// Settle decides on every commit and returns them, oldest first.
func (s *Survey) Settle(ctx context.Context) ([]Commit, error) {
	wide := make(map[string]Claim)
	for i := range s.commits {
		if err := s.settle(ctx, &s.commits[i], s.claims[i], wide); err != nil {
			return nil, err
		}
	}
	for i := range s.commits {
		c := &s.commits[i]
		if claim, ok := wide[c.ID]; ok && !c.Status.Good() && c.Status != Unknown {
			c.take(Within, claim, "part of the diff from "+short(claim.Base)+" to "+short(claim.Head)+" that the receipt approves")
		}
	}
	return s.commits, nil
}

// settle decides on one commit by the claims about it. Commits that a larger
// receipt covers besides are put into wide.
func (s *Survey) settle(ctx context.Context, c *Commit, claims []Claim, wide map[string]Claim) error {
	if c.Status == Unknown {
		return nil
	}
	// The order of bundles must not decide which of several is named.
	slices.SortFunc(claims, func(a, b Claim) int { return a.compare(b, c) })
	for _, claim := range claims {
		found, err := s.judge(ctx, c, claim, wide)
		if err != nil || found {
			return err
		}
	}
	if c.Status == Missing && s.merges[c.ID] && s.repo.CleanMerge(ctx, c.ID) {
		c.Status, c.Detail = Merge, "a merge that adds nothing of its own"
	}
	if c.Status == Missing {
		c.Detail = "no receipt is about this commit, or approves its diff"
	}
	return ctx.Err()
}

// judge holds one claim against a commit, and reports whether that settles it.
func (s *Survey) judge(ctx context.Context, c *Commit, claim Claim, wide map[string]Claim) (bool, error) {
	if claim.Refused != "" {
		if c.Status == Missing {
			c.take(Rejected, claim, "the receipt "+claim.Refused)
		}
		return false, nil
	}
	if claim.SHA256 == c.SHA256 {
		detail := "the receipt approves this very diff"
		if claim.Head != c.ID {
			detail = "the receipt approves this very diff, for commit " + short(claim.Head)
		}
		c.take(Covered, claim, detail)
		return true, nil
	}
	// Of nothing, nothing was approved: not what was done and undone between.
	if claim.Base != c.base && claim.SHA256 != emptySum && s.repo.Within(ctx, claim.Base, c.ID) {
		sum, _, err := s.repo.Sum(ctx, claim.Base, c.ID)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err == nil && hexOf(sum) == claim.SHA256 {
			c.take(Covered, claim, "the receipt approves the diff from "+short(claim.Base)+" to here")
			return true, s.cover(ctx, claim, wide)
		}
	}
	c.take(Mismatched, claim, "the receipt names this commit and approves another diff, "+short(claim.SHA256)+"; git has "+short(c.SHA256))
	return false, nil
}

// cover notes the commits between base and head of a larger receipt.
func (s *Survey) cover(ctx context.Context, claim Claim, wide map[string]Claim) error {
	from := claim.Base
	if s.repo.IsEmptyTree(from) {
		from = ""
	}
	between, err := s.repo.Range(ctx, from, claim.Head, false)
	if err != nil {
		return err
	}
	for _, r := range between {
		if _, ok := wide[r.ID]; !ok {
			wide[r.ID] = claim
		}
	}
	return nil
}

// compare puts the claim that says most about a commit first: one that counts
// before one that does not, one that names the commit before one that does not,
// the earlier before the later.
func (a Claim) compare(b Claim, c *Commit) int {
	return cmp.Or(order(a.Refused == "", b.Refused == ""), order(a.SHA256 == c.SHA256, b.SHA256 == c.SHA256),
		order(a.Head == c.ID, b.Head == c.ID), cmp.Compare(a.Index, b.Index), strings.Compare(a.RunID, b.RunID))
}

// order puts true before false.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func (c *Commit) take(status Status, claim Claim, detail string) {
	c.Status, c.Detail, c.RunID, c.Issuer, c.Index = status, detail, claim.RunID, claim.Issuer, &claim.Index
}

func short(id string) string { return id[:min(12, len(id))] }
