package report

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"slices"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// ControlsVersion is the value of the member "report" of a [Controls].
	ControlsVersion = "receiptlog/report/controls/v1"
	// MaxReportBytes bounds a report to be read back. The lists in it are
	// bounded by [Options]; 19 controls with a thousand exceptions each come
	// to 4 MB.
	MaxReportBytes = 64 << 20

	// codeUndecided is the code of a bundle that neither verified nor failed.
	codeUndecided verdict.Code = "not_decided"
)

// Statement is what every rendering says about what it is.
const Statement = "This report supports an assessment: it shows evidence that was verified and what it cannot show. " +
	"It grants no certification and gives no opinion on any control; that is for the assessor."

// Standing says how far receipts support a control.
type Standing string

// The standings. None of them speaks of conformity.
const (
	Supported  Standing = "supported"                 // every receipt it applies to carries the evidence
	Exceptions Standing = "supported_with_exceptions" // some do not
	NotShown   Standing = "not_shown"                 // none does
	Nothing    Standing = "no_receipts"               // it applies to no receipt of the scope
)

// Controls is the report on controls. Its JSON form is the report itself: the
// other renderings are made from it, and whoever has the same bundles, policy
// and catalogue comes to the same bytes.
type Controls struct {
	Report    string  `json:"report"` // ControlsVersion
	Statement string  `json:"statement"`
	Options   Options `json:"options"`
	Basis     Basis   `json:"basis"`
	Scope     Scope   `json:"scope"`

	Controls []Result   `json:"controls"`
	Timeline Timeline   `json:"timeline"`
	Drift    Drift      `json:"drift"`
	Models   []ModelUse `json:"models"`
	Vendors  []Vendor   `json:"vendors"`
	Issuers  []Issuer   `json:"issuers"`
	Orgs     []Org      `json:"orgs"`
	Rejected []Rejected `json:"rejected"`
	// Conflicts are signs that the log or an issuer said two things.
	Conflicts []Conflict `json:"conflicts"`

	CatalogueSHA256 string     `json:"catalogueSHA256"`
	Catalogue       *Catalogue `json:"catalogue"`
}

// Options is what the person who made the report chose. It is part of the
// report, so that it can be made again.
type Options struct {
	// Where is the rule that picks the receipts; empty takes all.
	Where string `json:"where,omitzero"`
	// Samples is how many receipts to draw for each control.
	Samples int `json:"samples"`
	// Seed draws other samples: those with the lowest SHA-256 of seed and
	// receipt hash. An auditor who picks it cannot be served chosen ones.
	Seed string `json:"seed,omitzero"`
	// List bounds each list of receipts in the report; totals are exact.
	List int `json:"list"`
}

// Basis is what the evidence was verified with.
type Basis struct {
	PolicySHA256 string     `json:"policySHA256"`
	Quorum       string     `json:"quorum"`
	Logs         []LogState `json:"logs"`
	// PopulationSHA256 identifies the receipts counted: the SHA-256 over
	// origin, index and leaf hash of each in order.
	PopulationSHA256 string `json:"populationSHA256"`
}

// LogState is a log and the newest of its checkpoints in the evidence.
type LogState struct {
	Origin     string `json:"origin"`
	Size       uint64 `json:"size"`
	Root       string `json:"root"` // hex
	Checkpoint string `json:"checkpoint"`
	// Checkpoints counts the different ones that the bundles bring. That the
	// older are prefixes of the newest is not shown by bundles.
	Checkpoints int `json:"checkpoints"`
}

// Scope counts the bundles that were given.
type Scope struct {
	Bundles    int `json:"bundles"`
	Receipts   int `json:"receipts"`   // verified, in scope, each once
	OutOfScope int `json:"outOfScope"` // verified, but not picked by Options.Where
	Duplicates int `json:"duplicates"` // bundles of a receipt that was counted already
	Failed     int `json:"failed"`     // did not verify
	Undecided  int `json:"undecided"`  // neither verified nor failed
	// First and Last are when the log took in the receipts of the scope.
	First string `json:"first,omitzero"`
	Last  string `json:"last,omitzero"`
}

// Ref names a receipt so that it can be found and proven.
type Ref struct {
	RunID   string `json:"runId"`
	Index   uint64 `json:"index"`
	Log     string `json:"log,omitzero"` // its origin, where there are several
	At      string `json:"at"`           // when the log took it in
	Receipt string `json:"receipt"`      // hex SHA-256 of the canonical receipt
	// Missing lists the ids of the evidence that an exception lacks.
	Missing []string `json:"missing,omitzero"`
	// Notable lists the ids of what is worth a look.
	Notable []string `json:"notable,omitzero"`
}

// Result is what receipts show for one control.
type Result struct {
	ID           string      `json:"id"`
	Standing     Standing    `json:"standing"`
	Population   int         `json:"population"`
	WithEvidence int         `json:"withEvidence"`
	Exceptions   int         `json:"exceptions"`
	Evidence     []ItemCount `json:"evidence"`
	Notable      []ItemCount `json:"notable,omitzero"`
	// Noteworthy counts the receipts with anything notable.
	Noteworthy int `json:"noteworthy,omitzero"`
	// ExceptionList has the first of the exceptions, NotableList of the
	// receipts with anything notable, in the order of the log.
	ExceptionList []Ref `json:"exceptionList"`
	NotableList   []Ref `json:"notableList,omitzero"`
	// Samples are receipts that carry all of the evidence.
	Samples []Ref `json:"samples"`
}

// ItemCount says how many receipts an item was found in.
type ItemCount struct {
	ID       string `json:"id"`
	Receipts int    `json:"receipts"`
}

// Rejected is a bundle that does not count, and why.
type Rejected struct {
	Name    string       `json:"name"`
	Code    verdict.Code `json:"code"`
	Detail  string       `json:"detail"`
	Unknown bool         `json:"unknown,omitzero"` // undecided rather than failed
	// What the bundle claims about itself, where it can be read at all.
	ClaimedRun   string  `json:"claimedRun,omitzero"`
	ClaimedIndex *uint64 `json:"claimedIndex,omitzero"`
}

// Conflict is one fact told in two ways.
type Conflict struct {
	Kind    string   `json:"kind"` // ConflictFork or ConflictRun
	Log     string   `json:"log"`
	RunID   string   `json:"runId,omitzero"`
	Indices []uint64 `json:"indices,omitzero"`
	Detail  string   `json:"detail"`
}

// Kinds of conflicts.
const (
	ConflictFork = "fork"          // one log, two trees
	ConflictRun  = "run_ambiguous" // one run, two receipts
)

// result returns what the report says of one control, nil if it is not in it.
func (r *Controls) result(id string) *Result {
	i := slices.IndexFunc(r.Controls, func(c Result) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Controls[i]
}

// JSON returns the report, indented for people who open it.
func (r *Controls) JSON() ([]byte, error) {
	data, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

// ParseControls reads a report strictly. Its errors carry malformed, too_large
// or schema_invalid. That a report parses says nothing about its truth: that
// takes the bundles.
func ParseControls(data []byte) (*Controls, error) {
	canonical, err := jcs.Canonicalize(data, MaxReportBytes)
	if err != nil {
		return nil, err
	}
	r := new(Controls)
	if err := json.Unmarshal(canonical, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "report", "%v", err)
	}
	if r.Report != ControlsVersion {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "report", "must be %q", ControlsVersion)
	}
	if r.Catalogue == nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "catalogue", "is missing")
	}
	if err := r.Catalogue.check(); err != nil {
		return nil, err
	}
	return r, nil
}
