package draft

import (
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
)

// Contexts and types of every build receipt.
var (
	contexts = []string{"https://www.w3.org/ns/credentials/v2", "https://armalo.ai/ns/build-receipt/v1"}
	types    = []string{"VerifiableCredential", "BuildReceipt"}
)

// Stamp is what makes one receipt of a draft.
type Stamp struct {
	ID     string // of the credential: a URI
	RunID  string
	Issuer string
	Time   time.Time
}

// Credential joins the draft with the diff that git tells of. The result has
// no proof yet.
func (d *Draft) Credential(s Stamp, diff receipt.Diff) *receipt.Credential {
	fill := strings.NewReplacer("{base}", diff.Base, "{head}", diff.Head)
	diff.URL = fill.Replace(d.Diff.URL)
	diff.PullRequest = d.Diff.PullRequest
	c := &receipt.Credential{
		Context: contexts, ID: s.ID, Type: types, Issuer: s.Issuer,
		ValidFrom: s.Time.UTC().Format(time.RFC3339),
	}
	if did.Method(s.Issuer) == "web" {
		// A path of did:web; other methods have no room for one.
		c.CredentialSubject.ID = s.Issuer + ":builds:" + s.RunID
	}
	b := &c.CredentialSubject.Build
	*b = receipt.Build{
		RunID: s.RunID, Org: d.Org, Project: d.Project, Repository: d.Repository,
		PlanSummary: d.PlanSummary, Models: d.Models, Jury: d.Jury, Evals: d.Evals,
		PolicyGates: d.PolicyGates, Configuration: d.Configuration, Risk: d.Risk,
		Diff: diff, AuditTrail: d.AuditTrail,
	}
	if d.Spec != nil {
		b.Spec = &receipt.Spec{Title: d.Spec.Title, SHA256: d.Spec.SHA256}
	}
	if d.Plan != nil {
		b.Plan = &receipt.Plan{Rationale: d.Plan.Rationale, SHA256: d.Plan.SHA256}
	}
	if d.Pact != nil {
		b.Pact = &receipt.Pact{Name: d.Pact.Name, SHA256: d.Pact.SHA256}
	}
	return c
}
