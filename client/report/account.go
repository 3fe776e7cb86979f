package report

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"time"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// Account is what an auditor says of a whole log: the JSON that `receiptctl
// audit` writes and package audit defines. Of its members those are read that
// reports need. An account is testimony of the auditor who made it, whose
// checkpoints anybody can verify and whose counts another audit can repeat.
type Account struct {
	Origin      string              `json:"origin"`
	Began       time.Time           `json:"began"`
	Ended       time.Time           `json:"ended"`
	Checkpoints []AuditedCheckpoint `json:"checkpoints"`
	Entries     map[string]uint64   `json:"entries"`
	Bodies      Bodies              `json:"bodies"`
	Orgs        map[string]Bodies   `json:"orgs"` // by handle
	NotChecked  map[string]uint64   `json:"notChecked"`
	Sample      *BodySample         `json:"sample,omitzero"`
	Rules       []AuditedRule       `json:"rules"`
	Erasures    []AuditedErasure    `json:"erasures"`
	Issuers     []AuditedIssuer     `json:"issuers"`
	Findings    []AuditedFinding    `json:"findings"`
	Dropped     uint64              `json:"droppedFindings,omitzero"`
	Incomplete  string              `json:"incomplete,omitzero"`
}

// AuditedCheckpoint is a checkpoint that the auditor kept.
type AuditedCheckpoint struct {
	Size   uint64 `json:"size"`
	Signed string `json:"signed"`
}

// Bodies counts receipts by what became of their bodies.
type Bodies struct {
	Receipts   uint64 `json:"receipts"`
	Owed       uint64 `json:"owed"`
	Present    uint64 `json:"present"`
	Lawful     uint64 `json:"erasedLawfully"`
	Unlawful   uint64 `json:"erasedUnlawfully"`
	Missing    uint64 `json:"missing"`
	NotChecked uint64 `json:"notChecked"`
	Late       uint64 `json:"late"`
}

func (b *Bodies) add(o Bodies) {
	b.Receipts += o.Receipts
	b.Owed += o.Owed
	b.Present += o.Present
	b.Lawful += o.Lawful
	b.Unlawful += o.Unlawful
	b.Missing += o.Missing
	b.NotChecked += o.NotChecked
	b.Late += o.Late
}

// BodySample says what a random sample of bodies stands for.
type BodySample struct {
	Asked      uint64  `json:"asked"`
	Population uint64  `json:"population"`
	Confidence float64 `json:"confidence"`
	Below      float64 `json:"below"`
}

// AuditedRule is a rules or hold entry.
type AuditedRule struct {
	Index uint64         `json:"index"`
	Since time.Time      `json:"since,omitzero"`
	Entry jsontext.Value `json:"entry"`
}

// AuditedErasure is an erasure entry and whether it was lawful.
type AuditedErasure struct {
	Index  uint64    `json:"index"`
	At     time.Time `json:"at"`
	Org    string    `json:"org"`
	Count  uint64    `json:"count"`
	Basis  string    `json:"basis"`
	Legal  string    `json:"legal,omitzero"`
	Asked  string    `json:"asked"`
	Lawful bool      `json:"lawful"`
}

// AuditedIssuer is an issuer's DID document as the log archived it.
type AuditedIssuer struct {
	Index uint64    `json:"index"`
	DID   string    `json:"did"`
	At    time.Time `json:"at"`
	Keys  []string  `json:"keys"`
}

// AuditedFinding is something that is not as it should be.
type AuditedFinding struct {
	Code     verdict.Code `json:"code"`
	Severity string       `json:"severity"`
	Index    *uint64      `json:"index,omitzero"`
	Org      string       `json:"org,omitzero"`
	Detail   string       `json:"detail"`
}

// MaxAccountBytes bounds an account: ten thousand findings with their evidence
// and a checkpoint a day for ten years, with room.
const MaxAccountBytes = 256 << 20

// ParseAccount reads an account. Members that reports do not need are passed
// over. Its errors carry malformed, too_large or schema_invalid.
func ParseAccount(data []byte) (*Account, error) {
	canonical, err := jcs.Canonicalize(data, MaxAccountBytes)
	if err != nil {
		return nil, err
	}
	a := new(Account)
	if err := json.Unmarshal(canonical, a); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "account", "%v", err)
	}
	if a.Origin == "" || a.Checkpoints == nil || a.Orgs == nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "account", "is none: it has no origin, no checkpoints or no orgs")
	}
	return a, nil
}
