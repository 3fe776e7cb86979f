// Package policy reads C2SP tlog-policy files.
package policy

import (
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// Policy says which logs and witnesses are trusted, and which quorum.
type Policy struct{}

// Log is one log line of a policy.
type Log struct {
	VKey   string
	Origin string // the key's name
	URL    string // may be empty
}

// Witness is one witness line of a policy.
type Witness struct {
	Name string // name within the policy
	VKey string
	URL  string // may be empty
}

// Parse parses a policy file.
func Parse(data []byte) (*Policy, error) { panic("not yet") }

// ForLog returns a policy that trusts the given log keys and asks for no witness.
func ForLog(vkeys ...string) (*Policy, error) { panic("not yet") }

// WithLogs returns a copy of p with more log lines.
func (p *Policy) WithLogs(vkeys ...string) (*Policy, error) { panic("not yet") }

func (p *Policy) Logs() []Log          { panic("not yet") }
func (p *Policy) Witnesses() []Witness { panic("not yet") }

// Quorum renders the quorum rule for people, as in "2 of (w1, w2, w3)".
func (p *Policy) Quorum() string { panic("not yet") }

// Satisfied reports whether cosignatures by the witnesses of these names (names
// within the policy) meet the quorum.
func (p *Policy) Satisfied(names map[string]bool) bool { panic("not yet") }

// Warnings names what is allowed but probably not meant.
func (p *Policy) Warnings() []string { panic("not yet") }

// Verify verifies a signed checkpoint.
func (p *Policy) Verify(signed []byte) (*Verified, error) { panic("not yet") }

// Verified is what a policy found in a signed checkpoint.
type Verified struct {
	Checkpoint   checkpoint.Checkpoint
	LogKeys      []string // vkeys of the listed logs that signed
	Cosignatures []Cosignature
	Quorum       bool
	QuorumRule   string
}

// Cosignature is a verified cosignature by a listed witness.
type Cosignature struct {
	Witness   string // name within the policy
	KeyName   string
	KeyHash   uint32
	Algorithm string
	Time      time.Time // zero if the witness does not say
	Line      []byte
}
