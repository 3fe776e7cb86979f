package report

import (
	"fmt"

	"github.com/armalo/receiptlog/client/verdict"
)

// check holds a catalogue to what its documentation says.
func (c *Catalogue) check() error {
	k := &catalogueCheck{seen: make(map[string]bool)}
	k.prose("title", c.Title)
	if len(c.Controls) == 0 || len(c.Controls) > maxControls {
		k.fail("controls", "must be a list of 1 to %d controls", maxControls)
	}
	for i, f := range c.Frameworks {
		at := fmt.Sprintf("frameworks[%d]", i)
		k.id(at, "framework ", f.ID)
		k.prose(at+".title", f.Title)
		k.proses(at+".dates", f.Dates)
	}
	for i := range c.Controls {
		k.control(fmt.Sprintf("controls[%d]", i), &c.Controls[i])
	}
	return k.err
}

// catalogueCheck keeps the first thing that is wrong, and the ids seen so far.
type catalogueCheck struct {
	seen map[string]bool
	err  error
}

func (k *catalogueCheck) fail(at, format string, args ...any) {
	if k.err == nil {
		k.err = verdict.Errorf(verdict.SchemaInvalid, at, format, args...)
	}
}

func (k *catalogueCheck) control(at string, c *Control) {
	k.id(at, "control ", c.ID)
	if !k.seen["framework "+c.Framework] {
		k.fail(at+".framework", "%q is not among the frameworks", c.Framework)
	}
	k.prose(at+".label", c.Label)
	k.prose(at+".title", c.Title)
	k.prose(at+".wanted", c.Wanted)
	if c.Applies != "" {
		k.rule(at+".applies", c.Applies)
	}
	if len(c.Evidence) == 0 {
		k.fail(at+".evidence", "must have at least one item")
	}
	k.items(at+".evidence", c.ID, c.Evidence)
	k.items(at+".notable", c.ID, c.Notable)
	// A mapping that shows everything shows that nobody thought about it.
	if len(c.Limits) == 0 {
		k.fail(at+".limits", "must say what receipts cannot show for this control")
	}
	k.proses(at+".limits", c.Limits)
	k.proses(at+".elsewhere", c.Elsewhere)
	k.proses(at+".dates", c.Dates)
}

func (k *catalogueCheck) items(at, control string, items []Item) {
	if len(items) > maxItems {
		k.fail(at, "must have at most %d items", maxItems)
		return
	}
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", at, i)
		k.id(at, "item of "+control+" ", item.ID)
		k.prose(at+".title", item.Title)
		k.rule(at+".rule", item.Rule)
	}
}

func (k *catalogueCheck) rule(at, text string) {
	if _, err := ParseRule(text); err != nil {
		k.fail(at, "%v", err)
	}
}

func (k *catalogueCheck) proses(at string, texts []string) {
	if len(texts) > maxItems {
		k.fail(at, "must have at most %d texts", maxItems)
		return
	}
	for i, text := range texts {
		k.prose(fmt.Sprintf("%s[%d]", at, i), text)
	}
}

func (k *catalogueCheck) prose(at, text string) {
	if text == "" || len(text) > maxProse || !validText(text) {
		k.fail(at, "must be one line of 1 to %d bytes", maxProse)
	}
}

// id accepts a token as OSCAL has them, once in its kind.
func (k *catalogueCheck) id(at, kind, id string) {
	if !isToken(id) {
		k.fail(at+".id", "must be a word of at most 64 letters, digits, '.', '_' and '-' that begins with a letter")
	}
	if k.seen[kind+id] {
		k.fail(at+".id", "%q stands twice", id)
	}
	k.seen[kind+id] = true
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
