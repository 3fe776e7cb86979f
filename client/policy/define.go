package policy

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// definitions fills a policy line by line and knows what the lines so far have
// defined.
type definitions struct {
	p          *Policy
	line       int              // being read; 0 if the policy is not read from a file
	names      map[string]*name // witnesses and groups share one namespace
	lines      map[*checkpoint.Verifier]int
	groups     int
	quorumLine int // 0 until there is one
}

// name is what a witness or group line has defined.
type name struct {
	rule  *rule
	line  int
	group string // group of which it is a member, or empty: one at most
}

func newDefinitions(p *Policy) *definitions {
	return &definitions{p: p, names: make(map[string]*name), lines: make(map[*checkpoint.Verifier]int)}
}

func (d *definitions) addLog(vkey, url string) error {
	if len(d.p.logs) == MaxLogs {
		return fmt.Errorf("more than %d logs", MaxLogs)
	}
	key, err := checkpoint.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	// SPEC tlog-checkpoint: a log signs with a plain or an ML-DSA-44 signature.
	if a := key.Algorithm(); a != checkpoint.Ed25519 && a != checkpoint.MLDSA44 {
		return fmt.Errorf("log: a log key is of type %v or %v, not %v", checkpoint.Ed25519, checkpoint.MLDSA44, a)
	}
	// SPEC tlog-policy: multiple log lines with the same public key are not allowed.
	for _, l := range d.p.logs {
		if samePublicKey(l.key, key) {
			return fmt.Errorf("log: public key of %q is listed twice%s", key.Name(), d.alsoOn(l.key))
		}
	}
	if err := d.addKey(key); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	d.p.logs = append(d.p.logs, Log{VKey: vkey, Origin: key.Name(), URL: url, key: key})
	return nil
}

func (d *definitions) addWitness(called, vkey, url string) error {
	if len(d.p.witnesses) == MaxWitnesses {
		return fmt.Errorf("more than %d witnesses", MaxWitnesses)
	}
	if err := d.checkNewName(called); err != nil {
		return err
	}
	key, err := checkpoint.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("witness %q: %w", called, err)
	}
	// SPEC tlog-policy: keys must use a type appropriate for their function.
	if a := key.Algorithm(); a != checkpoint.CosignatureEd25519 && a != checkpoint.MLDSA44 {
		return fmt.Errorf("witness %q: a witness key is of type %v or %v, not %v", called, checkpoint.CosignatureEd25519, checkpoint.MLDSA44, a)
	}
	// SPEC tlog-policy: multiple witness lines with the same public key are not
	// allowed, even if key name and key ID differ.
	for _, w := range d.p.witnesses {
		if samePublicKey(w.key, key) {
			return fmt.Errorf("witness %q: has the same public key as witness %q%s", called, w.Name, d.alsoOn(w.key))
		}
	}
	if err := d.addKey(key); err != nil {
		return fmt.Errorf("witness %q: %w", called, err)
	}
	d.p.witnesses = append(d.p.witnesses, Witness{Name: called, VKey: vkey, URL: url, key: key})
	d.names[called] = &name{rule: &rule{name: called}, line: d.line}
	return nil
}

func (d *definitions) addGroup(called string, k int, members []string) error {
	if d.groups == MaxGroups {
		return fmt.Errorf("more than %d groups", MaxGroups)
	}
	if err := d.checkNewName(called); err != nil {
		return err
	}
	r := &rule{name: called, k: k}
	for _, member := range members {
		m, err := d.member(member, called)
		if err != nil {
			return fmt.Errorf("group %q: %w", called, err)
		}
		r.members = append(r.members, m)
	}
	d.groups++
	d.names[called] = &name{rule: r, line: d.line}
	return nil
}

// member makes a defined name a member of group.
func (d *definitions) member(called, group string) (*rule, error) {
	if called == none {
		// SPEC tlog-policy: "none" is invalid as a group member.
		return nil, errors.New(`"none" cannot be a member`)
	}
	n, ok := d.names[called]
	if !ok {
		return nil, fmt.Errorf("member %q is not defined on an earlier line", called)
	}
	// SPEC tlog-policy: each name can be listed as a group member at most once.
	switch n.group {
	case "":
		n.group = group
		return n.rule, nil
	case group:
		return nil, fmt.Errorf("member %q is listed twice", called)
	default:
		return nil, fmt.Errorf("member %q is already a member of group %q (line %d)", called, n.group, d.names[n.group].line)
	}
}

func (d *definitions) setQuorum(called string) error {
	if d.quorumLine != 0 {
		return fmt.Errorf("there is a second quorum line (the first is line %d)", d.quorumLine)
	}
	d.quorumLine = d.line
	if called == none {
		return nil
	}
	n, ok := d.names[called]
	if !ok {
		return fmt.Errorf("quorum %q is not defined on an earlier line", called)
	}
	d.p.quorum = n.rule
	return nil
}

// checkNewName checks that a witness or group may be called so.
func (d *definitions) checkNewName(called string) error {
	if called == none {
		return errors.New(`the name "none" is predefined`)
	}
	if n, ok := d.names[called]; ok {
		return fmt.Errorf("name %q is defined twice (also on line %d)", called, n.line)
	}
	return nil
}

// addKey makes key known. Two keys of one name and ID would make it undecidable
// whose a signature line is.
func (d *definitions) addKey(key *checkpoint.Verifier) error {
	for _, k := range d.p.known {
		if k.Name() == key.Name() && k.KeyHash() == key.KeyHash() && !samePublicKey(k, key) {
			return fmt.Errorf("key has the name and key ID of another%s", d.alsoOn(k))
		}
	}
	d.p.known = append(d.p.known, key)
	d.lines[key] = d.line
	return nil
}

// alsoOn says on which line a key stands, if it stands on one.
func (d *definitions) alsoOn(key *checkpoint.Verifier) string {
	if d.lines[key] == 0 {
		return ""
	}
	return fmt.Sprintf(" (also on line %d)", d.lines[key])
}

// samePublicKey reports whether a and b wrap the same public key. SPEC
// tlog-policy: whatever their names and key IDs, and thus their types.
func samePublicKey(a, b *checkpoint.Verifier) bool {
	return bytes.Equal(a.PublicKey(), b.PublicKey())
}
