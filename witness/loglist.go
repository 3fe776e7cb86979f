package witness

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxLogListBytes bounds a log list: 40,000 logs, the largest of the witness
// network's lists, of 400 bytes each.
const MaxLogListBytes = 16 << 20

// ParseLogList parses a log list of the witness network
// (witness-network.org/log-list-format):
//
//	logs/v0
//
//	vkey example.com/log+57f71a6a+AUfkg...
//	origin example.com/log
//	qpd 8640
//	contact sysadmin (at) example.com
//
// An entry begins with its vkey; origin ("none" or absent: the key's name), qpd
// (requests a day), bastion and contact may follow, each once. Empty lines and
// lines beginning with # are ignored. Two entries of one origin are two keys of
// one log. Anything else is an error that names the line. The bastion of a log
// is read over: this witness connects to the bastions it was configured with.
func ParseLogList(data []byte) ([]Log, error) {
	if len(data) > MaxLogListBytes {
		return nil, fmt.Errorf("log list is longer than %d bytes", MaxLogListBytes)
	}
	p := &listParser{byOrigin: make(map[string]int)}
	for line := range strings.SplitSeq(string(data), "\n") {
		p.line++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := p.take(line); err != nil {
			return nil, fmt.Errorf("log list line %d: %w", p.line, err)
		}
	}
	if !p.header {
		return nil, fmt.Errorf("log list line %d: want the header %q", p.line, listHeader)
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return p.logs, nil
}

const listHeader = "logs/v0"

type listParser struct {
	line     int
	header   bool
	seen     map[string]bool // keywords of the current entry; nil before the first
	current  Log
	began    int // line of the current entry's vkey
	logs     []Log
	byOrigin map[string]int // index into logs
}

func (p *listParser) take(line string) error {
	if !p.header {
		if line != listHeader {
			return fmt.Errorf("want the header %q", listHeader)
		}
		p.header = true
		return nil
	}
	key, value, _ := strings.Cut(line, " ")
	value = strings.TrimSpace(value)
	if value == "" {
		return fmt.Errorf("%q has no value", key)
	}
	if key == "vkey" {
		if err := p.finish(); err != nil {
			return err
		}
		p.seen, p.current, p.began = make(map[string]bool), Log{Keys: []string{value}}, p.line
		return nil
	}
	if p.seen == nil {
		return fmt.Errorf("want a vkey before %q", key)
	}
	if p.seen[key] {
		return fmt.Errorf("second %q of one log", key)
	}
	p.seen[key] = true
	return p.set(key, value)
}

func (p *listParser) set(key, value string) error {
	switch key {
	case "origin":
		if value != "none" {
			p.current.Origin = value
		}
	case "qpd":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || n == 0 || value[0] == '0' || value[0] == '+' {
			return fmt.Errorf("qpd %q is not a positive number", value)
		}
		p.current.PerDay = n
	case "contact":
		p.current.Contact = value
	case "bastion":
	default:
		return fmt.Errorf("unknown keyword %q", key)
	}
	return nil
}

// finish adds the current entry to the logs.
func (p *listParser) finish() error {
	if p.seen == nil {
		return nil
	}
	l := p.current
	if err := checkLog(&l); err != nil {
		return fmt.Errorf("log list line %d: %w", p.began, err)
	}
	i, ok := p.byOrigin[l.Origin]
	if !ok {
		p.byOrigin[l.Origin] = len(p.logs)
		p.logs = append(p.logs, l)
		return nil
	}
	merged := p.logs[i]
	merged.Keys = append(merged.Keys, l.Keys...)
	if err := checkLog(&merged); err != nil {
		return fmt.Errorf("log list line %d: %w", p.began, err)
	}
	p.logs[i] = merged
	return nil
}
