package report

import (
	"encoding/base64"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

// Link proves that the tree of one checkpoint is a prefix of the next one's.
type Link struct {
	From  uint64   `json:"from"` // tree sizes
	To    uint64   `json:"to"`
	Proof []string `json:"proof"` // base64 hashes of RFC 6962, 2.1.2
}

// NewLink returns the link that a consistency proof makes.
func NewLink(from, to uint64, hashes [][32]byte) Link {
	l := Link{From: from, To: to, Proof: make([]string, len(hashes))}
	for i, h := range hashes {
		l.Proof[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return l
}

// Integrity is what the auditor's checkpoints prove, each verified anew.
type Integrity struct {
	Origin      string           `json:"origin"`
	Checkpoints []KeptCheckpoint `json:"checkpoints"`
	// Linked counts pairs of neighbours proven to be one history, Unlinked
	// those for which no proof was given, and Broken the checkpoints that do not
	// verify together with the links that do not hold.
	Linked   int `json:"linked"`
	Unlinked int `json:"unlinked"`
	Broken   int `json:"broken"`
}

// KeptCheckpoint is one checkpoint with what the policy says of it.
type KeptCheckpoint struct {
	Size uint64 `json:"size"`
	Root string `json:"root,omitzero"` // base64
	// First and Last are the earliest and latest time of a witness.
	First     string   `json:"first,omitzero"`
	Last      string   `json:"last,omitzero"`
	Witnesses []string `json:"witnesses"`
	Quorum    bool     `json:"quorum"`
	// Wrong says why the checkpoint or its link to the one before does not
	// hold.
	Wrong string `json:"wrong,omitzero"`
}

// inspect verifies every checkpoint of an account, and every link.
func inspect(a *account.Account, links []Link, p *policy.Policy) Integrity {
	in := Integrity{Origin: a.Origin, Checkpoints: []KeptCheckpoint{}}
	var before *checkpoint.Checkpoint
	for _, c := range a.Checkpoints {
		kept, cp := keep(a.Origin, c, p)
		if cp != nil && before != nil {
			switch linked, err := linked(*before, *cp, links); {
			case err != nil:
				kept.Wrong = "is not the continuation of the one before: " + err.Error()
			case linked:
				in.Linked++
			default:
				in.Unlinked++
			}
		}
		if kept.Wrong != "" {
			in.Broken++
		}
		in.Checkpoints = append(in.Checkpoints, kept)
		if cp != nil {
			before = cp
		}
	}
	return in
}

// keep verifies one checkpoint with the policy.
func keep(origin string, c account.Seen, p *policy.Policy) (KeptCheckpoint, *checkpoint.Checkpoint) {
	kept := KeptCheckpoint{Size: c.Size, Witnesses: []string{}}
	v, err := p.Verify([]byte(c.Signed))
	if v == nil {
		kept.Wrong = "does not verify: " + err.Error()
		return kept, nil
	}
	cp := v.Checkpoint
	kept.Root, kept.Quorum = base64.StdEncoding.EncodeToString(cp.Root[:]), v.Quorum
	var first, last time.Time
	for _, s := range v.Cosignatures {
		kept.Witnesses = append(kept.Witnesses, s.Witness)
		if !s.Time.IsZero() && (first.IsZero() || s.Time.Before(first)) {
			first = s.Time
		}
		if s.Time.After(last) {
			last = s.Time
		}
	}
	if !first.IsZero() {
		kept.First, kept.Last = entry.FormatTime(first), entry.FormatTime(last)
	}
	switch {
	case err != nil:
		kept.Wrong = err.Error()
	case cp.Origin != origin || cp.Size != c.Size:
		kept.Wrong = "is of another log or size than the account says"
	}
	return kept, &cp
}

// linked reports whether a link proves that one tree continues the other. No
// link is no proof and no error, save where none is needed.
func linked(before, cp checkpoint.Checkpoint, links []Link) (bool, error) {
	if before.Size == cp.Size {
		if before.Root != cp.Root {
			return false, verdict.Errorf(verdict.ConsistencyInvalid, "", "two trees of one size")
		}
		return true, nil
	}
	if before.Size == 0 {
		return true, nil // every tree continues the empty one
	}
	for _, l := range links {
		if l.From != before.Size || l.To != cp.Size {
			continue
		}
		hashes := make([][32]byte, len(l.Proof))
		for i, s := range l.Proof {
			h, err := checkpoint.ParseHash(s)
			if err != nil {
				return false, err
			}
			hashes[i] = h
		}
		err := proof.VerifyConsistency(before.Size, cp.Size, before.Root, cp.Root, hashes)
		return err == nil, err
	}
	if cp.Size < before.Size {
		return false, verdict.Errorf(verdict.ConsistencyInvalid, "", "the tree shrank")
	}
	return false, nil
}

// gap returns the longest time between two checkpoints, by their first
// cosignatures.
func (in *Integrity) gap() *Gap {
	var times []int64
	for _, c := range in.Checkpoints {
		if t, err := time.Parse(time.RFC3339, c.First); err == nil && (len(times) == 0 || t.Unix() >= times[len(times)-1]) {
			times = append(times, t.Unix())
		}
	}
	return gapIn(times)
}
