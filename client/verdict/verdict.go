// Package verdict is the vocabulary in which receiptlog says whether something
// could be verified, and why not.
//
// Every other package of client speaks it: parsers and verifiers return an
// [*Error] that carries a stable [Code], and package verify gathers what was
// checked into a [Verdict]. The codes are part of the public interface: they
// are never renamed and never reused for another meaning.
//
// A check that could not be made is recorded as [NotChecked]; it is never
// passed over in silence. The package does no I/O and reads no clock.
package verdict

// Status says how one check ended.
type Status string

const (
	Passed     Status = "passed"
	Failed     Status = "failed"
	NotChecked Status = "not_checked"
)

// Verdict is the outcome of a verification. Its JSON form is the one that the
// verify-external endpoint and receiptctl --json answer with.
//
// The zero Verdict has made no check and is not verified. A Verdict is not
// safe for concurrent use while it is being filled.
type Verdict struct {
	Verified bool     `json:"verified"`
	Reasons  []Reason `json:"reasons"`
	Checks   []Check  `json:"checks"`
}

// Reason is one cause for a verdict that is not "verified", fit for machines
// by its code and for people by its detail.
type Reason struct {
	Code   Code   `json:"code"`
	Detail string `json:"detail"`
}

// Check is one thing the verifier looked at, or says that it did not.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}

// New returns a verdict with no checks yet, whose lists encode as [] in JSON.
func New() *Verdict {
	return &Verdict{Reasons: []Reason{}, Checks: []Check{}}
}

// Pass records a check that held.
func (v *Verdict) Pass(name, detail string) {
	v.Checks = append(v.Checks, Check{name, Passed, detail})
}

// Fail records a check that did not hold, with its reason. The code is that of
// err where err carries one.
func (v *Verdict) Fail(name string, err error) {
	v.Checks = append(v.Checks, Check{name, Failed, err.Error()})
	v.Reasons = append(v.Reasons, Reason{CodeOf(err), err.Error()})
}

// Skip records a check that could not be made, and why.
func (v *Verdict) Skip(name, why string) {
	v.Checks = append(v.Checks, Check{name, NotChecked, why})
}

// Conclude sets Verified: at least one check passed, none failed, and every
// name in required is among those that passed. A required check that was not
// made leaves the verdict unverified without a reason of its own: see
// [Verdict.Unknown].
func (v *Verdict) Conclude(required ...string) {
	passed := make(map[string]bool)
	for _, c := range v.Checks {
		if c.Status == Passed {
			passed[c.Name] = true
		}
	}
	v.Verified = len(passed) > 0 && len(v.Reasons) == 0
	for _, name := range required {
		v.Verified = v.Verified && passed[name]
	}
}

// Unknown reports whether nothing failed and yet the verdict is not
// "verified": the evidence at hand does not decide. Programs exit 3 for it.
func (v *Verdict) Unknown() bool {
	return !v.Verified && len(v.Reasons) == 0
}
