package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The issuer and the log of the demo. Nothing is looked up: the issuer's DID
// document is pinned at the log.
const (
	issuerDID = "did:web:builds.example"
	origin    = "log.example/demo"
)

func (s *stage) makeIssuerAndLog() error {
	s.next("An issuer, a log and three witnesses")
	if _, err := s.must("keygen", "-o", "issuer.key", "--did", issuerDID); err != nil {
		return err
	}
	cmd := exec.CommandContext(s.ctx, filepath.Join(s.bin, "receiptlog"), "init", "--dir", s.path("log"), "--origin", origin, "--pin", s.path("issuer.did.json"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("receiptlog init: %w\n%s", err, out)
	}
	if err := s.startWitnesses(); err != nil {
		return err
	}
	if err := s.serve("127.0.0.1:0"); err != nil {
		return err
	}
	say("issuer  %s, its DID document pinned at the log", issuerDID)
	say("log     %s, on http://%s, process %d", origin, s.log.address, s.log.process.Process.Pid)
	say("policy  every checkpoint needs cosignatures of %d of the 3 witnesses, or it is not published", quorum)
	say("keys    Ed25519 and ML-DSA-44; every checkpoint is signed with both")
	return nil
}

// makeReceipts issues receipts of the last commits, and of the example until
// there are enough.
func (s *stage) makeReceipts() error {
	s.next("%d receipts", total)
	if _, err := s.must("issue", "--example", "."); err != nil {
		return err
	}
	if err := os.Mkdir(s.path("receipts"), 0o700); err != nil {
		return err
	}
	why, err := s.issueCommits()
	if err != nil {
		return err
	}
	if why != "" {
		say("%s", why)
	}
	if n := len(s.receipts); n > 0 {
		say("%d of the last commits of this repository, with the SHA-256 of each one's diff, by receiptctl issue", n)
	}
	key, err := loadIssuer(s.path("issuer.key"))
	if err != nil {
		return err
	}
	e, err := loadExample(s.dir)
	if err != nil {
		return err
	}
	made := 0
	for ; len(s.receipts) < total; made++ {
		r := &item{name: fmt.Sprintf("example-%03d", made)}
		if r.data, err = e.receipt(key, r.runID(), made); err != nil {
			return err
		}
		if err := s.add(r); err != nil {
			return err
		}
	}
	say("%d more from the example that ships with receiptctl", made)
	return nil
}

func (s *stage) add(r *item) error {
	s.receipts = append(s.receipts, r)
	return os.WriteFile(s.path("receipts", r.name+".json"), r.data, 0o600)
}

// issueCommits issues a receipt of each of the last commits whose diff this
// repository can make. It says why there are fewer than wanted.
func (s *stage) issueCommits() (why string, err error) {
	out, err := s.git("rev-list", "--first-parent", fmt.Sprintf("--max-count=%d", commits), "HEAD")
	if err != nil {
		if s.ctx.Err() != nil {
			return "", context.Cause(s.ctx)
		}
		return "no commits of this repository: it is no git repository here, or git is not on this machine", nil
	}
	repo, err := filepath.Abs(s.repo)
	if err != nil {
		return "", err
	}
	ids := strings.Fields(out)
	for i, id := range ids {
		r := &item{name: fmt.Sprintf("commit-%02d-%s", i, id[:12]), commit: id}
		exit, out, err := s.ctl(nil, "issue", "--repo", repo, "--commit", id, "--key", "issuer.key", "--in", "build.json", "--run-id", r.runID())
		if err != nil {
			return "", err
		}
		if exit != 0 && strings.Contains(out, "shallow clone") {
			return fmt.Sprintf("a shallow clone: it has the diffs of %d commits only", i), nil
		}
		if exit != 0 {
			return "", fmt.Errorf("receiptctl issue --commit %s: exit status %d\n%s", id, exit, out)
		}
		r.data = []byte(out)
		if err := s.add(r); err != nil {
			return "", err
		}
	}
	if len(ids) < commits {
		why = fmt.Sprintf("this repository has %d commits in all", len(ids))
	}
	return why, nil
}

func (s *stage) git(args ...string) (string, error) {
	cmd := exec.CommandContext(s.ctx, "git", append([]string{"-C", s.repo}, args...)...)
	out, err := cmd.Output()
	return string(out), err
}
