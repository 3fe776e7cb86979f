package main

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// Why the receipt of the demo is erased, and who asked.
const (
	legal = "GDPR Article 17(1)(b)"
	asked = "case 31"
)

// eraseOne has a receipt erased on a legal basis, and holds that the log says so
// with a proof, that the bundle somebody kept stays valid, and that an auditor
// finds nothing wrong.
func (s *stage) eraseOne() error {
	s.next("One receipt is erased on request, and the log can prove that it was")
	if err := os.Rename(s.path(away), s.path("log")); err != nil {
		return err
	}
	key, err := s.command(nil, filepath.Join(s.bin, "receiptlog"), "key", "create", "--dir", s.path("log"), "--scope", "retention:write", "--name", "operator")
	if err != nil {
		return err
	}
	if err := s.serve(s.log.address); err != nil {
		return err
	}
	r := s.receipts[total-1]
	parsed, err := receipt.Parse(r.data)
	if err != nil {
		return err
	}
	say("the server is started again; receiptlog erase --run %s --legal %q --asked %q", r.runID(), legal, asked)
	org := parsed.Credential().CredentialSubject.Build.Org
	out, err := s.command([]string{"RECEIPTLOG_TOKEN=" + strings.TrimSpace(key)}, filepath.Join(s.bin, "receiptlog"), "erase",
		"--url", s.log.client.URL(), "--org", org, "--run", r.runID(), "--legal", legal, "--asked", asked)
	if err != nil {
		return err
	}
	show(out)
	if err := s.awaitGone(r); err != nil {
		return err
	}
	out, err = s.must("verify", r.bundle(), "--policy", "policy.txt", "--erasure", "erased.json")
	if err != nil {
		return err
	}
	if line := lineOf(out, "erasure  "); strings.Contains(line, legal) {
		say("the bundle that somebody kept still verifies, and its verdict adds:")
		say("%s", strings.TrimSpace(line))
	} else {
		return fmt.Errorf("the verdict does not say that the receipt was erased:\n%s", out)
	}
	fmt.Println()
	out, err = s.must(s.audit()...)
	if err != nil {
		return err
	}
	say("receiptctl audit, which trusts only policy.txt, reads every entry and asks for every body:")
	show(out)
	if !strings.Contains(out, "1  erased lawfully") {
		return errors.New("the auditor saw no lawful erasure")
	}
	return nil
}

// audit is the command line of an audit that goes on from the last one.
func (s *stage) audit(more ...string) []string {
	return append([]string{"audit", "--url", s.log.client.URL(), "--policy", "policy.txt", "--state", "audit"}, more...)
}

// awaitGone waits until the log answers 410 for the receipt, and holds that the
// answer proves the erasure.
func (s *stage) awaitGone(r *item) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, err := s.log.client.Receipt(s.ctx, r.runID(), api.Only)
		problem, ok := errors.AsType[*api.Problem](err)
		switch {
		case ok && problem.Status == http.StatusGone:
			return s.holdGone(r, problem)
		case err != nil:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("%s was not erased within %v", r.name, patience)
		}
	}
}

func (s *stage) holdGone(r *item, problem *api.Problem) error {
	evidence, err := bundle.ParseErasure(problem.Erasure)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(s.path("policy.txt"))
	if err != nil {
		return err
	}
	p, err := policy.Parse(raw)
	if err != nil {
		return err
	}
	e, err := verify.Erasure(evidence, p)
	if err != nil {
		return err
	}
	if problem.Code != verdict.Erased || e.Legal != legal {
		return fmt.Errorf("the log answers with code %s, and an erasure on the basis of %q", problem.Code, e.Legal)
	}
	fmt.Println()
	say("GET %s: %d %s", api.RunRoute(r.runID()), problem.Status, problem.Code)
	say("with erasure entry %d, its proof of %d hashes, and the cosigned checkpoint they lead to", evidence.Index, len(evidence.Hashes))
	return os.WriteFile(s.path("erased.json"), problem.Erasure, 0o600)
}

// deleteOne deletes a body in the database while the log is stopped, and holds
// that the auditor names it.
func (s *stage) deleteOne() error {
	s.next("Another body is deleted in the database, behind the log's back")
	r := s.receipts[total-2]
	if err := s.log.stop(); err != nil {
		return err
	}
	if _, err := s.command(nil, filepath.Join(s.bin, "vandal"), s.path("log", "data"), fmt.Sprint(r.index)); err != nil {
		return err
	}
	if err := s.serve(s.log.address); err != nil {
		return err
	}
	say("the body of entry %d is gone, and no entry says why; the log starts and is ready as if nothing had happened", r.index)
	say("receiptctl audit:")
	exit, out, err := s.ctl(nil, s.audit("-o", "account.json")...)
	if err != nil {
		return err
	}
	show(out)
	raw, err := os.ReadFile(s.path("account.json"))
	if err != nil {
		return err
	}
	var account struct {
		Findings []finding `json:"findings"`
	}
	if err := json.Unmarshal(raw, &account); err != nil {
		return err
	}
	// The witness that was killed is a warning.
	found := slices.DeleteFunc(account.Findings, func(f finding) bool { return f.Severity == "warning" })
	if exit != 1 || len(found) != 1 || found[0].Code != "body_missing" || found[0].Index != r.index {
		return fmt.Errorf("the auditor's exit status is %d, its findings are %+v", exit, account.Findings)
	}
	fmt.Println()
	say("exit status 1, finding %s at entry %d: the auditor tells it from the lawful erasure", found[0].Code, found[0].Index)
	return nil
}

type finding struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Index    uint64 `json:"index"`
}

// lineOf returns the line of a text that has the words in it.
func lineOf(text, words string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, words) {
			return line
		}
	}
	return ""
}
