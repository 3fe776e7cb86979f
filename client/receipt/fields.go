package receipt

import "github.com/armalo/receiptlog/client/did"

// Bounds of the fields, in characters. They are generous: their task is to
// keep an honest mistake from becoming a column a megabyte wide in somebody's
// report.
const (
	maxShort = 256     // names, ids, versions
	maxLine  = 1024    // titles, repositories
	maxPath  = 4096    // what Linux takes for a path
	maxProse = 1 << 17 // rationales, summaries, details
)

// Bounds of the lists that are not bounded well enough by the receipt's size.
const (
	maxContexts   = 16 // contexts and types are small sets by nature
	maxDimensions = 12 // the composite framework has twelve
	maxProofs     = 8  // each may cost the verifier a signature check
)

// What a receipt is, in the words of the VC Data Model and of our own context.
const (
	ContextCredentials = "https://www.w3.org/ns/credentials/v2"
	ContextReceipt     = "https://armalo.ai/ns/build-receipt/v1"
	TypeCredential     = "VerifiableCredential"
	TypeReceipt        = "BuildReceipt"
)

var receiptFields = []field[parsed]{
	{"@context", required, func(c *cursor, p *parsed) {
		p.context.from = c.at
		p.credential.Context = c.contexts()
		p.context.to = c.at
	}},
	{"credentialSubject", required, func(c *cursor, p *parsed) { object(c, &p.credential.CredentialSubject, subjectFields) }},
	{"id", required, func(c *cursor, p *parsed) { p.credential.ID = c.uri() }},
	{"issuer", required, func(c *cursor, p *parsed) { p.credential.Issuer = c.did() }},
	{"proof", optional, func(c *cursor, p *parsed) {
		p.proof = c.member("proof", func() { p.proofs = c.proofs() })
	}},
	{"type", required, func(c *cursor, p *parsed) { p.credential.Type = c.types() }},
	{"validFrom", required, func(c *cursor, p *parsed) { p.credential.ValidFrom = c.stamp() }},
	{"validUntil", optional, func(c *cursor, p *parsed) { p.credential.ValidUntil = c.stamp() }},
}

var subjectFields = []field[Subject]{
	{"build", required, func(c *cursor, s *Subject) { object(c, &s.Build, buildFields) }},
	{"id", optional, func(c *cursor, s *Subject) { s.ID = c.uri() }},
}

var buildFields = []field[Build]{
	{"auditTrail", optional, func(c *cursor, b *Build) { b.AuditTrail = objects(c, eventFields) }},
	{"configuration", optional, func(c *cursor, b *Build) { b.Configuration = pointer(c, configurationFields) }},
	{"diff", required, func(c *cursor, b *Build) { object(c, &b.Diff, diffFields) }},
	{"evals", optional, func(c *cursor, b *Build) { b.Evals = pointer(c, evalsFields) }},
	{"jury", optional, func(c *cursor, b *Build) { b.Jury = pointer(c, juryFields) }},
	{"models", optional, func(c *cursor, b *Build) { b.Models = objects(c, modelFields) }},
	{"org", required, func(c *cursor, b *Build) { b.Org = c.handle() }},
	{"pact", optional, func(c *cursor, b *Build) { b.Pact = pointer(c, pactFields) }},
	{"plan", optional, func(c *cursor, b *Build) { b.Plan = pointer(c, planFields) }},
	{"planSummary", optional, func(c *cursor, b *Build) { b.PlanSummary = c.textOf(maxProse) }},
	{"policyGates", optional, func(c *cursor, b *Build) { b.PolicyGates = objects(c, gateFields) }},
	{"project", optional, func(c *cursor, b *Build) { b.Project = c.textOf(maxShort) }},
	{"repository", optional, func(c *cursor, b *Build) { b.Repository = c.textOf(maxLine) }},
	{"risk", optional, func(c *cursor, b *Build) { b.Risk = pointer(c, riskFields) }},
	{"runId", required, func(c *cursor, b *Build) { b.RunID = c.handle() }},
	{"spec", optional, func(c *cursor, b *Build) { b.Spec = pointer(c, specFields) }},
}

var specFields = []field[Spec]{
	{"sha256", required, func(c *cursor, s *Spec) { s.SHA256 = c.hash() }},
	{"title", required, func(c *cursor, s *Spec) { s.Title = c.textOf(maxLine) }},
}

var planFields = []field[Plan]{
	{"rationale", optional, func(c *cursor, p *Plan) { p.Rationale = c.textOf(maxProse) }},
	{"sha256", required, func(c *cursor, p *Plan) { p.SHA256 = c.hash() }},
}

var modelFields = []field[Model]{
	{"card", optional, func(c *cursor, m *Model) { m.Card = c.link() }},
	{"model", required, func(c *cursor, m *Model) { m.Model = c.textOf(maxShort) }},
	{"provider", required, func(c *cursor, m *Model) { m.Provider = c.textOf(maxShort) }},
	{"role", required, func(c *cursor, m *Model) { m.Role = c.oneOf(RoleBuilder, RoleJuror) }},
	{"version", optional, func(c *cursor, m *Model) { m.Version = c.textOf(maxShort) }},
}

var juryFields = []field[Jury]{
	{"verdict", required, func(c *cursor, j *Jury) { j.Verdict = c.oneOf(Approve, Revise, Block) }},
	{"votes", optional, func(c *cursor, j *Jury) { j.Votes = objects(c, voteFields) }},
}

var voteFields = []field[Vote]{
	{"model", required, func(c *cursor, v *Vote) { v.Model = c.textOf(maxShort) }},
	{"rationale", optional, func(c *cursor, v *Vote) { v.Rationale = c.textOf(maxProse) }},
	{"score", optional, func(c *cursor, v *Vote) { v.Score = new(c.score()) }},
	{"verdict", required, func(c *cursor, v *Vote) { v.Verdict = c.oneOf(Approve, Revise, Block) }},
}

var evalsFields = []field[Evals]{
	{"checks", optional, func(c *cursor, e *Evals) { e.Checks = objects(c, evalFields) }},
	{"composite", optional, func(c *cursor, e *Evals) { e.Composite = c.composite() }},
}

var evalFields = []field[Eval]{
	{"id", required, func(c *cursor, e *Eval) { e.ID = c.textOf(maxShort) }},
	{"passed", required, func(c *cursor, e *Eval) { e.Passed = c.bool() }},
	{"score", optional, func(c *cursor, e *Eval) { e.Score = new(c.score()) }},
}

var gateFields = []field[Gate]{
	{"decision", required, func(c *cursor, g *Gate) { g.Decision = c.oneOf(Allow, Deny) }},
	{"fired", optional, func(c *cursor, g *Gate) { g.Fired = new(c.bool()) }},
	{"id", required, func(c *cursor, g *Gate) { g.ID = c.textOf(maxShort) }},
	{"reason", optional, func(c *cursor, g *Gate) { g.Reason = c.textOf(maxProse) }},
}

var configurationFields = []field[Configuration]{
	{"evalCheckSet", optional, func(c *cursor, k *Configuration) { k.EvalCheckSet = c.texts(0) }},
	{"juryModels", optional, func(c *cursor, k *Configuration) { k.JuryModels = c.texts(0) }},
	{"policyGateSet", optional, func(c *cursor, k *Configuration) { k.PolicyGateSet = c.texts(0) }},
	{"sha256", required, func(c *cursor, k *Configuration) { k.SHA256 = c.hash() }},
}

var pactFields = []field[Pact]{
	{"name", required, func(c *cursor, p *Pact) { p.Name = c.textOf(maxShort) }},
	{"sha256", required, func(c *cursor, p *Pact) { p.SHA256 = c.hash() }},
}

var riskFields = []field[Risk]{
	{"classification", required, func(c *cursor, r *Risk) { r.Classification = c.textOf(maxShort) }},
}

var diffFields = []field[Diff]{
	{"base", optional, func(c *cursor, d *Diff) { d.Base = c.objectName() }},
	{"files", optional, func(c *cursor, d *Diff) { d.Files = objects(c, fileFields) }},
	{"head", optional, func(c *cursor, d *Diff) { d.Head = c.objectName() }},
	{"pullRequest", optional, func(c *cursor, d *Diff) { d.PullRequest = c.link() }},
	{"sha256", required, func(c *cursor, d *Diff) { d.SHA256 = c.hash() }},
	{"url", optional, func(c *cursor, d *Diff) { d.URL = c.link() }},
}

var fileFields = []field[File]{
	{"change", required, func(c *cursor, f *File) {
		f.Change = c.oneOf(Added, Modified, Deleted, Renamed, Copied, TypeChanged)
	}},
	{"path", required, func(c *cursor, f *File) { f.Path = c.textOf(maxPath) }},
}

var eventFields = []field[Event]{
	{"at", required, func(c *cursor, e *Event) { e.At = c.stamp() }},
	{"detail", optional, func(c *cursor, e *Event) { e.Detail = c.textOf(maxProse) }},
	{"event", required, func(c *cursor, e *Event) { e.Event = c.textOf(maxShort) }},
	{"gate", optional, func(c *cursor, e *Event) { e.Gate = c.textOf(maxShort) }},
}

func (c *cursor) hash() string {
	return c.matching(isHash, "a SHA-256 as 64 lower-case hex digits")
}

func (c *cursor) objectName() string {
	return c.matching(isObjectName, "a git object name as 40 or 64 lower-case hex digits")
}

func (c *cursor) handle() string {
	return c.matching(isHandle, "a word of at most 128 letters, digits, '.', '_', '~' and '-' that begins with a letter or digit")
}

func (c *cursor) uri() string  { return c.matching(isURI, "an absolute URI") }
func (c *cursor) link() string { return c.matching(isLink, "an http or https URL") }

func (c *cursor) stamp() string {
	return c.matching(isStamp, "a date and time with a time zone, as in 2026-05-12T10:00:00Z")
}

func (c *cursor) did() string {
	return c.matching(func(s string) bool { return did.Check(s) == nil }, "a DID")
}
