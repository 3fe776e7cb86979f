package account

import (
	"fmt"

	"github.com/armalo/receiptlog/client/verdict"
)

// Severity tells what breaks a promise from what is worth a look.
type Severity string

const (
	// Breach is something that cannot be with an honest log.
	Breach Severity = "breach"
	// Warning is something that can: a witness that is down, a log that is.
	Warning Severity = "warning"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     verdict.Code `json:"code"`
	Severity Severity     `json:"severity"`
	Index    *uint64      `json:"index,omitzero"` // the entry, where it is about one
	Org      string       `json:"org,omitzero"`   // its organisation's handle, where it has one
	Issuer   string       `json:"issuer,omitzero"`
	Witness  string       `json:"witness,omitzero"`
	Detail   string       `json:"detail"`
	// Evidence is what a third party can check it with: signed checkpoints.
	Evidence []string `json:"evidence,omitzero"`
}

// String says the finding in one line.
func (f Finding) String() string {
	if f.Index == nil {
		return fmt.Sprintf("%s: %s", f.Code, f.Detail)
	}
	return fmt.Sprintf("%s: entry %d %s", f.Code, *f.Index, f.Detail)
}
