package policy

import (
	"strconv"
	"strings"
)

// rule is what must have cosigned: a witness, or k members of a group. No name
// stands in a rule twice, as each may be a member once, so that no cosignature
// counts in two ways. A nil rule asks for nothing.
type rule struct {
	name    string // of the witness or group
	k       int    // members of a group that suffice
	members []*rule
}

func (r *rule) isWitness() bool { return len(r.members) == 0 }

func (r *rule) satisfied(names map[string]bool) bool {
	if r == nil {
		return true
	}
	if r.isWitness() {
		return names[r.name]
	}
	n := 0
	for _, m := range r.members {
		if m.satisfied(names) {
			n++
		}
	}
	return n >= r.k
}

// contains reports whether the witness called name is part of r.
func (r *rule) contains(name string) bool {
	if r == nil {
		return false
	}
	if r.isWitness() {
		return r.name == name
	}
	for _, m := range r.members {
		if m.contains(name) {
			return true
		}
	}
	return false
}

// countsBoth reports whether witnesses a and b bring the group in which their
// ways meet two steps towards a number that is more than one and not all.
func (r *rule) countsBoth(a, b string) bool {
	if r == nil || !r.contains(a) || !r.contains(b) {
		return false
	}
	for _, m := range r.members {
		if m.contains(a) && m.contains(b) {
			return m.countsBoth(a, b)
		}
	}
	return r.k > 1 && r.k < len(r.members)
}

// String renders r for people, as [Policy.Quorum] does.
func (r *rule) String() string {
	if r == nil {
		return none
	}
	if r.isWitness() {
		return printable(r.name)
	}
	members := make([]string, len(r.members))
	for i, m := range r.members {
		members[i] = m.String()
	}
	return strconv.Itoa(r.k) + " of (" + strings.Join(members, ", ") + ")"
}

// printable returns name as it is, or quoted where a terminal might obey it: a
// name is any octets but ASCII control characters and spaces.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
