package bulk

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/armalo/receiptlog/client/receipt"
)

// What the receipts differ in. A model is in some of a hundred thousand of a
// million receipts, a project in 500, a commit in one, a failed check in a few.
const (
	Models   = 20
	Projects = 2000
	Orgs     = 50
	Checks   = 200
	kinds    = 10_000 // receipts that differ in more than run and commit
)

// Varied fills a receipt as number i, of some 3 KB, or half of that.
func Varied(i int, small bool) func(*receipt.Credential) {
	return func(c *receipt.Credential) {
		b := &c.CredentialSubject.Build
		b.Org, b.Project = fmt.Sprintf("org-%02d", i%Orgs), fmt.Sprintf("project-%04d", i%Projects)
		b.Repository = "https://git.example/" + b.Project
		b.Diff.Head = Commit(i)
		b.Spec = &receipt.Spec{Title: "Round prices half to even", SHA256: b.Diff.SHA256}
		b.Models = []receipt.Model{
			{Provider: "one", Model: fmt.Sprintf("builder-%02d", i%Models), Version: fmt.Sprintf("v%d", i%7), Role: receipt.RoleBuilder},
			{Provider: "two", Model: fmt.Sprintf("juror-%02d", (i/3)%Models), Version: "2026-05", Role: receipt.RoleJuror},
			{Provider: "three", Model: fmt.Sprintf("juror-%02d", (i/7)%Models), Version: "2026-04", Role: receipt.RoleJuror},
		}
		b.Jury = &receipt.Jury{Verdict: receipt.Approve}
		if i%97 == 0 {
			b.Jury.Verdict = receipt.Block
		}
		publish := receipt.Allow
		if i%3 == 0 {
			publish = receipt.Deny
		}
		b.PolicyGates = []receipt.Gate{
			{ID: receipt.GateReadRepo, Decision: receipt.Allow}, {ID: receipt.GateDispatch, Decision: receipt.Allow},
			{ID: receipt.GateWriteBranch, Decision: receipt.Allow}, {ID: receipt.GatePublish, Decision: publish},
		}
		b.Evals = &receipt.Evals{}
		for n := range 6 {
			b.Evals.Checks = append(b.Evals.Checks, receipt.Eval{ID: fmt.Sprintf("check-%d", n), Passed: true})
		}
		if i%50 == 0 {
			b.Evals.Checks[0] = receipt.Eval{ID: fmt.Sprintf("check-of-%03d", i/50%Checks), Passed: false}
		}
		if small {
			return
		}
		b.PlanSummary = strings.Repeat("what this change is meant to do. ", 12)
		for n := range 10 {
			b.AuditTrail = append(b.AuditTrail, receipt.Event{At: "2026-05-12T10:00:00Z", Event: "gate.decided", Gate: receipt.GateDispatch, Detail: fmt.Sprintf("decision %d of many", n)})
		}
	}
}

// Press makes many receipts of few: it puts another run and commit, of the same
// length, into a receipt that was signed once. Nobody looks at the signature.
type Press struct {
	world *World
	small bool
	made  map[int][]byte
}

// NewPress returns a press of the issuer's receipts, of the size that [Varied]
// gives them.
func (w *World) NewPress(small bool) *Press {
	return &Press{world: w, small: small, made: make(map[int][]byte)}
}

const pressedRun, pressedCommit = "run-00000000", "0000000000000000000000000000000000000000"

// Receipt returns receipt number i, varied as [Varied] says.
func (p *Press) Receipt(i int) []byte {
	kind := i % kinds
	if p.made[kind] == nil {
		p.made[kind] = p.world.Issuer.Receipt(pressedRun, Varied(kind, p.small), func(c *receipt.Credential) {
			c.CredentialSubject.Build.Diff.Head = pressedCommit
		})
	}
	out := bytes.ReplaceAll(p.made[kind], []byte(pressedRun), fmt.Appendf(nil, "run-%08d", i))
	return bytes.ReplaceAll(out, []byte(pressedCommit), []byte(Commit(i)))
}

// Commit is the commit of receipt number i.
func Commit(i int) string {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return fmt.Sprintf("%x", sum[:20])
}
