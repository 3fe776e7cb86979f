// Package policy says whom a verifier trusts: which logs, which witnesses, and
// which quorum of witnesses makes a checkpoint believable. It reads C2SP
// tlog-policy files and applies them to signed checkpoints.
//
//	log example.com/log+2f13dd5a+AYb[...]
//	log example.com/log+9c0b7e11+Bhk[...]
//
//	witness w1 w1.example/witness+4c5e5b0a+BK[...] https://w1.example/
//	witness w2 w2.example/witness+c24a0b66+Bk[...]
//	witness w3 w3.example/witness+0a7c5d21+BP[...]
//	group three 2 w1 w2 w3
//	quorum three
//
// Any one listed log suffices: a checkpoint is valid if a listed log key, whose
// name is the checkpoint's origin, has signed it and the quorum of witnesses has
// cosigned it. A log that signs with two keys stands on two log lines, as above.
//
// The same public key may not stand twice among the logs, nor twice among the
// witnesses, under whatever name or type. One witness that has two different keys
// stands on two witness lines, and what that counts for is the author's choice: a
// group "any" of the two counts it once; both listed in one group count it twice.
// [Policy.Warnings] points at the latter.
//
// The policy is what its user trusts, so parsing is strict and every error names
// the line: [*verdict.Error] with code policy_invalid and path "line N". The
// package does no I/O and reads no clock: how old a cosignature may be is for the
// caller. A Policy does not change and may be used concurrently.
package policy

import (
	"fmt"
	"slices"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// Policy is a parsed policy. The zero Policy lists nothing, asks for no witness
// and verifies no checkpoint.
type Policy struct {
	logs      []Log
	witnesses []Witness
	known     []*checkpoint.Verifier // of all logs and witnesses
	quorum    *rule                  // nil is "none"
}

// Log is one log line of a policy.
type Log struct {
	VKey   string // as written
	Origin string // the key's name: SPEC tlog-policy, it is the log's origin
	URL    string // as written, or empty

	key *checkpoint.Verifier
}

// Witness is one witness line of a policy.
type Witness struct {
	Name string // within the policy; an opaque octet string
	VKey string // as written
	URL  string // as written, or empty

	key *checkpoint.Verifier
}

// ForLog returns a policy that lists the given log keys and asks for no witness.
// An error has code policy_invalid and no path.
func ForLog(vkeys ...string) (*Policy, error) {
	return new(Policy).WithLogs(vkeys...)
}

// WithLogs returns a policy that lists the given log keys beside those of p. A
// key that p lists already is not added again. An error has code policy_invalid
// and no path.
func (p *Policy) WithLogs(vkeys ...string) (*Policy, error) {
	extended := *p
	extended.logs = slices.Clone(p.logs)
	extended.known = slices.Clone(p.known)
	d := newDefinitions(&extended)
	for _, vkey := range vkeys {
		if slices.ContainsFunc(extended.logs, func(l Log) bool { return l.VKey == vkey }) {
			continue
		}
		if err := d.addLog(vkey, ""); err != nil {
			return nil, &verdict.Error{Code: verdict.PolicyInvalid, Detail: err.Error()}
		}
	}
	return &extended, nil
}

// Logs returns the log lines in their order.
func (p *Policy) Logs() []Log { return slices.Clone(p.logs) }

// Witnesses returns the witness lines in their order, those outside of the quorum
// included.
func (p *Policy) Witnesses() []Witness { return slices.Clone(p.witnesses) }

// RequiresWitnesses reports whether the quorum is not "none".
func (p *Policy) RequiresWitnesses() bool { return p.quorum != nil }

// Quorum renders the quorum rule for people, groups spelt out by their members:
// "2 of (w1, w2, w3)", "w1" or "none".
func (p *Policy) Quorum() string { return p.quorum.String() }

// Satisfied reports whether cosignatures by the witnesses with these names within
// the policy meet the quorum. Names that the policy does not know count nothing.
func (p *Policy) Satisfied(names map[string]bool) bool { return p.quorum.satisfied(names) }

// Warnings names, in words, what the format allows and the author probably does
// not mean.
func (p *Policy) Warnings() []string {
	var warnings []string
	for i, w := range p.witnesses {
		if p.quorum != nil && !p.quorum.contains(w.Name) {
			warnings = append(warnings, fmt.Sprintf("witness %q is not part of the quorum", w.Name))
		}
		if slices.ContainsFunc(p.logs, func(l Log) bool { return samePublicKey(l.key, w.key) }) {
			warnings = append(warnings, fmt.Sprintf("witness %q has the public key of a log: it witnesses itself", w.Name))
		}
		for _, other := range p.witnesses[:i] {
			if other.key.Name() == w.key.Name() && p.quorum.countsBoth(other.Name, w.Name) {
				warnings = append(warnings, fmt.Sprintf("witnesses %q and %q are two keys of %q and count as two", other.Name, w.Name, w.key.Name()))
			}
		}
	}
	return warnings
}
