package receipt

// Credential is the typed view of a receipt: every field that the design
// names. Members not named here live on in the canonical bytes only.
//
// Its JSON form is a receipt without proof, so that an issuer may fill a
// Credential, encode it with encoding/json/v2 and hand it to [Sign]. Optional
// members are left out where they are zero; where zero is a value of its own
// (a score of 0, a gate that did not fire) the field is a pointer.
type Credential struct {
	Context           []string `json:"@context"`
	ID                string   `json:"id"`
	Type              []string `json:"type"`
	Issuer            string   `json:"issuer"`
	ValidFrom         string   `json:"validFrom"`
	ValidUntil        string   `json:"validUntil,omitzero"`
	CredentialSubject Subject  `json:"credentialSubject"`
}

// Subject is what the receipt speaks about: one build.
type Subject struct {
	ID    string `json:"id,omitzero"`
	Build Build  `json:"build"`
}

// Build is one change, from the request to the diff.
type Build struct {
	RunID         string         `json:"runId"`
	Org           string         `json:"org"`
	Project       string         `json:"project,omitzero"`
	Repository    string         `json:"repository,omitzero"`
	Spec          *Spec          `json:"spec,omitzero"`
	PlanSummary   string         `json:"planSummary,omitzero"`
	Plan          *Plan          `json:"plan,omitzero"`
	Models        []Model        `json:"models,omitzero"`
	Jury          *Jury          `json:"jury,omitzero"`
	Evals         *Evals         `json:"evals,omitzero"`
	PolicyGates   []Gate         `json:"policyGates,omitzero"`
	Configuration *Configuration `json:"configuration,omitzero"`
	Pact          *Pact          `json:"pact,omitzero"`
	Risk          *Risk          `json:"risk,omitzero"`
	Diff          Diff           `json:"diff"`
	AuditTrail    []Event        `json:"auditTrail,omitzero"`
}

// Spec is the change request.
type Spec struct {
	Title  string `json:"title"`
	SHA256 string `json:"sha256"`
}

// Plan is what the agent proposed to do, by its hash, and why.
type Plan struct {
	SHA256    string `json:"sha256"`
	Rationale string `json:"rationale,omitzero"`
}

// Model is one model that took part. Role is [RoleBuilder] or [RoleJuror];
// Card is the URL of its published model card.
type Model struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Version  string `json:"version,omitzero"`
	Role     string `json:"role"`
	Card     string `json:"card,omitzero"`
}

// Roles of a [Model].
const (
	RoleBuilder = "builder"
	RoleJuror   = "juror"
)

// Jury is the panel's decision and each juror's vote. A verdict is
// [Approve], [Revise] or [Block].
type Jury struct {
	Verdict string `json:"verdict"`
	Votes   []Vote `json:"votes,omitzero"`
}

// Verdicts of a jury and of a juror.
const (
	Approve = "approve"
	Revise  = "revise"
	Block   = "block"
)

// Vote is one juror's. Score is between 0 and 1.
type Vote struct {
	Model     string   `json:"model"`
	Verdict   string   `json:"verdict"`
	Score     *float64 `json:"score,omitzero"`
	Rationale string   `json:"rationale,omitzero"`
}

// Evals are the results of the eval checks, and the composite scores by
// dimension, each between 0 and 1. The framework has twelve dimensions; their
// names are the issuer's.
type Evals struct {
	Checks    []Eval             `json:"checks,omitzero"`
	Composite map[string]float64 `json:"composite,omitzero"`
}

// Eval is the result of one check.
type Eval struct {
	ID     string   `json:"id"`
	Passed bool     `json:"passed"`
	Score  *float64 `json:"score,omitzero"`
}

// Gate is one decision of a policy gate, [Allow] or [Deny]. Fired is how a
// gate such as pii-detection says that it found something, and all it says.
type Gate struct {
	ID       string `json:"id"`
	Decision string `json:"decision"`
	Fired    *bool  `json:"fired,omitzero"`
	Reason   string `json:"reason,omitzero"`
}

// Decisions of a [Gate].
const (
	Allow = "allow"
	Deny  = "deny"
)

// The policy gates that the platform applies by default, and the enterprise
// gate that keeps personal data out of receipts.
const (
	GateReadRepo     = "github.read-repo"
	GateDispatch     = "llm.dispatch"
	GateWriteBranch  = "github.write-branch"
	GatePublish      = "receipt.publish"
	GatePIIDetection = "pii-detection"
)

// Configuration is the setting under which the change was approved. SHA256 is
// that of the canonical JSON of this object without its sha256 member: see
// [Receipt.ConfigurationHash].
type Configuration struct {
	JuryModels    []string `json:"juryModels,omitzero"`
	EvalCheckSet  []string `json:"evalCheckSet,omitzero"`
	PolicyGateSet []string `json:"policyGateSet,omitzero"`
	SHA256        string   `json:"sha256"`
}

// Pact is the agreement the agent worked under.
type Pact struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Risk is the classification that follows from the policy gates applied.
type Risk struct {
	Classification string `json:"classification"`
}

// Diff is the change itself. SHA256 is that of the bytes of the diff; Base and
// Head are git object names.
type Diff struct {
	SHA256      string `json:"sha256"`
	URL         string `json:"url,omitzero"`
	Base        string `json:"base,omitzero"`
	Head        string `json:"head,omitzero"`
	PullRequest string `json:"pullRequest,omitzero"`
	Files       []File `json:"files,omitzero"`
}

// File is one file the diff touches. Change is one of [Added], [Modified],
// [Deleted], [Renamed], [Copied] and [TypeChanged], git's own kinds.
type File struct {
	Path   string `json:"path"`
	Change string `json:"change"`
}

// Kinds of change of a [File].
const (
	Added       = "added"
	Modified    = "modified"
	Deleted     = "deleted"
	Renamed     = "renamed"
	Copied      = "copied"
	TypeChanged = "type-changed"
)

// Event is one line of the build's audit trail.
type Event struct {
	At     string `json:"at"`
	Event  string `json:"event"`
	Gate   string `json:"gate,omitzero"`
	Detail string `json:"detail,omitzero"`
}
