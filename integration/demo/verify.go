package main

import (
	"bytes"
	"encoding/json/v2"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

const (
	bundles = "bundles"
	away    = "away" // where the log's folder is while nobody is to need it
)

func (r *item) bundle() string { return filepath.Join(bundles, r.name+".bundle.json") }

func (s *stage) readBundle(name string) (*bundle.Bundle, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return bundle.Parse(data)
}

// verifyOffline verifies every bundle with the server down: twice, by the
// program and by the library.
func (s *stage) verifyOffline() error {
	s.next("The server is stopped; every bundle is verified offline")
	if err := s.log.stop(); err != nil {
		return err
	}
	rules, err := os.ReadFile(s.path("log", "policy.txt"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("policy.txt"), rules, 0o644); err != nil {
		return err
	}
	if err := os.Rename(s.path("log"), s.path(away)); err != nil {
		return err
	}
	say("stopped on SIGTERM, and its folder put away; left are the bundles and policy.txt (the log's public keys)")
	began := time.Now()
	if err := s.verifyByProgram(); err != nil {
		return err
	}
	say("receiptctl verify: all %d verified, in %.1f s", total, time.Since(began).Seconds())
	if err := s.verifyByLibrary(); err != nil {
		return err
	}
	return s.verifyDiffs()
}

func (s *stage) verifyByProgram() error {
	args := []string{"verify", "--policy", "policy.txt", "--json"}
	for _, r := range s.receipts {
		args = append(args, r.bundle())
	}
	out, err := s.must(args...)
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(out) {
		var v struct {
			Verified bool `json:"verified"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || !v.Verified {
			return fmt.Errorf("receiptctl verify said: %s", line)
		}
		n++
	}
	if n != total {
		return fmt.Errorf("receiptctl verify gave %d verdicts on %d bundles", n, total)
	}
	return nil
}

func (s *stage) verifyByLibrary() error {
	raw, err := os.ReadFile(s.path("policy.txt"))
	if err != nil {
		return err
	}
	p, err := policy.Parse(raw)
	if err != nil {
		return err
	}
	for _, r := range s.receipts {
		b, err := s.readBundle(s.path(r.bundle()))
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if v := verify.Bundle(b, verify.Options{Policy: p}); !v.Verified || b.Index != r.index {
			return fmt.Errorf("%s: verdict %+v at index %d", r.name, v, b.Index)
		}
	}
	return nil
}

// verifyDiffs makes the diff of every commit again and compares its hash, and
// shows the verdict on the first.
func (s *stage) verifyDiffs() error {
	repo, err := filepath.Abs(s.repo)
	if err != nil {
		return err
	}
	args := []string{"verify", "--policy", "policy.txt", "--repo", repo}
	var ofCommits []string
	for _, r := range s.receipts {
		if r.commit != "" {
			ofCommits = append(ofCommits, r.bundle())
		}
	}
	if len(ofCommits) == 0 {
		return nil
	}
	if _, err := s.must(append(args, ofCommits...)...); err != nil {
		return err
	}
	say("the diffs of all %d commits made again from git: each has the hash that its receipt approves", len(ofCommits))
	out, err := s.must(append(args, ofCommits[0])...)
	if err != nil {
		return err
	}
	fmt.Println()
	show(out)
	return nil
}

// changeOneByte alters the plan in one receipt and holds that the verdict says
// so.
func (s *stage) changeOneByte() error {
	s.next("One byte of one receipt is changed")
	r := s.receipts[0]
	data, err := os.ReadFile(s.path(r.bundle()))
	if err != nil {
		return err
	}
	const before, after = "parsed strictly", "parsed Strictly"
	if bytes.Count(data, []byte(before)) != 1 {
		return errors.New("the receipt's plan is not the example's")
	}
	data = bytes.Replace(data, []byte(before), []byte(after), 1)
	if err := os.WriteFile(s.path("changed.bundle.json"), data, 0o600); err != nil {
		return err
	}
	say("in the plan, %q becomes %q", before, after)
	fmt.Println()
	args := []string{"verify", "changed.bundle.json", "--policy", "policy.txt"}
	exit, out, err := s.ctl(nil, args...)
	if err != nil {
		return err
	}
	show(out)
	if exit != 1 {
		return fmt.Errorf("receiptctl verify let it pass, with exit status %d", exit)
	}
	return s.holdReasons(args)
}

// holdReasons holds that the verdict gives both reasons there are: the issuer
// did not sign this, and the log did not commit to it.
func (s *stage) holdReasons(args []string) error {
	_, out, err := s.ctl(nil, append(args, "--json")...)
	if err != nil {
		return err
	}
	v := verdict.New()
	if err := json.Unmarshal([]byte(out), v); err != nil {
		return fmt.Errorf("receiptctl verify --json said: %s", out)
	}
	found := make(map[verdict.Code]bool)
	for _, reason := range v.Reasons {
		found[reason.Code] = true
	}
	if !found[verdict.CommitmentMismatch] || !found[verdict.SignatureInvalid] {
		return fmt.Errorf("the verdict's reasons are %+v", v.Reasons)
	}
	fmt.Println()
	say("exit status 1, reasons %s and %s: the log committed to another receipt, and the issuer signed another",
		verdict.CommitmentMismatch, verdict.SignatureInvalid)
	return nil
}
