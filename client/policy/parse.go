package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

// none is the predefined quorum that asks for nothing.
const none = "none"

// MaxLogs, MaxWitnesses and MaxGroups bound a policy. SPEC tlog-policy: at least
// 32 of each should be supported. 256 is ten times what any public policy has,
// and still cheap to look through for every signature line.
const (
	MaxLogs      = 256
	MaxWitnesses = 256
	MaxGroups    = 256
)

// MaxBytes is the longest policy file: as many ML-DSA-44 keys, of 2 KiB a line,
// as a policy may list, and as much again for comments.
const MaxBytes = 2 << 20

// Parse parses a policy file.
func Parse(data []byte) (*Policy, error) {
	if len(data) > MaxBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "policy of %d bytes: at most %d are read", len(data), MaxBytes)
	}
	lines := strings.Split(string(data), "\n")
	p := &Policy{}
	d := newDefinitions(p)
	for i, line := range lines {
		last := i == len(lines)-1
		if last && line == "" {
			break
		}
		d.line = i + 1
		if err := d.addLine(line); err != nil {
			return nil, lineError(d.line, err)
		}
		if last {
			// SPEC tlog-policy: each line is terminated by a newline. A file that
			// was cut short may read as another, weaker policy.
			return nil, lineError(d.line, errors.New("does not end in a newline"))
		}
	}
	if d.quorumLine == 0 {
		// SPEC tlog-policy: exactly one quorum line.
		return nil, lineError(max(d.line, 1), errors.New("the file ends without a quorum line"))
	}
	return p, nil
}

func lineError(line int, err error) error {
	return &verdict.Error{Code: verdict.PolicyInvalid, Path: "line " + strconv.Itoa(line), Detail: err.Error()}
}

// addLine parses one line without its newline.
func (d *definitions) addLine(line string) error {
	// SPEC tlog-policy: allowed octets are tab, newline, 0x20-0x7E, 0x80-0xFF.
	for i := range len(line) {
		if c := line[i]; c != '\t' && (c < 0x20 || c == 0x7f) {
			return fmt.Errorf("control character 0x%02x in column %d", c, i+1)
		}
	}
	// SPEC tlog-policy: items are separated by spaces and tabs only.
	items := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(items) == 0 || strings.HasPrefix(items[0], "#") {
		return nil
	}
	switch args := items[1:]; items[0] {
	case "log":
		return d.parseLog(args)
	case "witness":
		return d.parseWitness(args)
	case "group":
		return d.parseGroup(args)
	case "quorum":
		return d.parseQuorum(args)
	default:
		return fmt.Errorf("unknown keyword %q: it is log, witness, group or quorum", items[0])
	}
}

// parseLog parses: log <vkey> [<url>]
func (d *definitions) parseLog(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("log line is not: log <vkey> [<url>]")
	}
	url, err := optionalURL(args[1:])
	if err != nil {
		return err
	}
	return d.addLog(args[0], url)
}

// parseWitness parses: witness <name> <vkey> [<url>]
func (d *definitions) parseWitness(args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return errors.New("witness line is not: witness <name> <vkey> [<url>]")
	}
	url, err := optionalURL(args[2:])
	if err != nil {
		return err
	}
	return d.addWitness(args[0], args[1], url)
}

// parseGroup parses: group <name> all|any|<k> <name>...
func (d *definitions) parseGroup(args []string) error {
	if len(args) < 3 {
		return errors.New("group line is not: group <name> all|any|<k> <member>...")
	}
	name, members := args[0], args[2:]
	k, err := threshold(args[1], len(members))
	if err != nil {
		return fmt.Errorf("group %q: %w", name, err)
	}
	return d.addGroup(name, k, members)
}

// parseQuorum parses: quorum <name>
func (d *definitions) parseQuorum(args []string) error {
	if len(args) != 1 {
		return errors.New("quorum line is not: quorum <name>")
	}
	return d.setQuorum(args[0])
}

// threshold parses how many of n members suffice.
func threshold(s string, n int) (int, error) {
	switch s {
	case "any":
		return 1, nil
	case "all":
		return n, nil
	}
	k, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(k) != s {
		return 0, fmt.Errorf("threshold %q is not all, any or a canonical decimal number", s)
	}
	// SPEC tlog-policy: it is required that 1 <= k <= n.
	if k < 1 || k > n {
		return 0, fmt.Errorf("threshold %d is not from 1 to the number of members, %d", k, n)
	}
	return k, nil
}

// optionalURL returns the URL in args, which holds at most one item. What it
// means is the application's business; that it begins like a URL catches comments
// at the end of a line, which the format does not have.
func optionalURL(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	scheme, _, ok := strings.Cut(args[0], ":")
	if !ok || scheme == "" || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return "", fmt.Errorf("%q is not a URL (a comment stands on its own line)", args[0])
	}
	return args[0], nil
}
