package receipt

import (
	"encoding/json/jsontext"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

// cursor reads canonical JSON from front to back. The text is known to be
// valid, free of white space, and sorted, because package jcs made it; so the
// cursor looks at each byte once and at none for grammar's sake.
//
// The first value that is not what was asked for ends the reading: the error
// is kept, further reads return zero values, and the caller looks at err once.
type cursor struct {
	text string
	at   int
	path []step
	err  *verdict.Error
}

// step is one part of a path: a member, or an element where name is empty.
type step struct {
	name  string
	index int
}

// fail records that the value at the current path is not acceptable.
func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = verdict.Errorf(verdict.SchemaInvalid, c.where(), format, args...)
	}
}

// failAt is fail for a member of the current object.
func (c *cursor) failAt(name, format string, args ...any) {
	c.path = append(c.path, step{name: name})
	c.fail(format, args...)
	c.path = c.path[:len(c.path)-1]
}

// maxShownName bounds how much of a member's name an error repeats. Only the
// names under evals.composite are not ours.
const maxShownName = 64

func (c *cursor) where() string {
	var b strings.Builder
	for _, s := range c.path {
		switch {
		case s.name == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() > 0:
			b.WriteString("." + shown(s.name))
		default:
			b.WriteString(shown(s.name))
		}
	}
	return b.String()
}

func shown(name string) string {
	if len(name) > maxShownName {
		name = strings.ToValidUTF8(name[:maxShownName], "") + "..."
	}
	if quoted := strconv.Quote(name); len(quoted) != len(name)+2 {
		return quoted // control characters stay out of terminals
	}
	return name
}

// open consumes '{' or '['; want is what the error calls it.
func (c *cursor) open(bracket byte, want string) bool {
	if c.err != nil {
		return false
	}
	if c.text[c.at] != bracket {
		c.fail("must be %s", want)
		return false
	}
	c.at++
	return true
}

// more reports whether a further member or element follows, and consumes the
// comma before it, or else the closing bracket.
func (c *cursor) more() bool {
	if c.err != nil {
		return false
	}
	switch c.text[c.at] {
	case ',':
		c.at++
	case '}', ']':
		c.at++
		return false
	}
	return true
}

// string consumes a string, or fails.
func (c *cursor) string() string {
	if c.err != nil {
		return ""
	}
	if c.text[c.at] != '"' {
		c.fail("must be a string")
		return ""
	}
	rest := c.text[c.at+1:]
	plain := rest[:strings.IndexByte(rest, '"')]
	if strings.IndexByte(plain, '\\') < 0 {
		c.at += len(plain) + len(`""`)
		return plain
	}
	// The text is canonical, so there is no error to expect.
	unquoted, _ := jsontext.AppendUnquote(nil, c.raw())
	return string(unquoted)
}

// takeName consumes a member's name and the colon if it is that name, which has
// nothing to escape.
func (c *cursor) takeName(name string) bool {
	end := c.at + len(`"`) + len(name)
	if end >= len(c.text) || c.text[end] != '"' || c.text[c.at+1:end] != name {
		return false
	}
	c.at = end + len(`":`)
	return true
}

// name consumes a member's name and the colon.
func (c *cursor) name() string {
	name := c.string()
	c.at++
	return name
}

// raw consumes a value of any kind and returns its text.
func (c *cursor) raw() string {
	from := c.at
	for depth := 0; ; {
		switch c.text[c.at] {
		case '"':
			c.at = stringEnd(c.text, c.at)
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			depth--
			c.at++
		case ',', ':':
			c.at++
		default:
			c.at = literalEnd(c.text, c.at)
		}
		if depth == 0 {
			return c.text[from:c.at]
		}
	}
}

// stringEnd returns the index after the string that begins at i.
func stringEnd(text string, i int) int {
	for i++; ; {
		i += strings.IndexByte(text[i:], '"')
		backslashes := 0
		for text[i-1-backslashes] == '\\' {
			backslashes++
		}
		i++
		if backslashes%2 == 0 {
			return i
		}
	}
}

// literalEnd returns the index after the number, true, false or null that
// begins at i.
func literalEnd(text string, i int) int {
	for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' {
		i++
	}
	return i
}

// span is a part of the text, from its first byte to the one after its last.
type span struct{ from, to int }

// member consumes the value of the member that has just been named, with read,
// and returns where the member is, name and colon included.
func (c *cursor) member(name string, read func()) span {
	from := c.at - len(`"":`) - len(name) // canonical, and without escapes
	read()
	return span{from, c.at}
}

// find returns where a member of an object is, and its value. It is the zero
// span where there is none.
func find(text string, object span, name string) (member, value span) {
	c := cursor{text: text, at: object.from + 1}
	for c.more() {
		from := c.at
		found := c.name() == name
		value := c.at
		c.raw()
		if found {
			return span{from, c.at}, span{value, c.at}
		}
	}
	return span{}, span{}
}

// without returns the two parts of the canonical text that are left of an
// object where a member is cut out; together they are canonical JSON again. The
// zero member leaves the object whole.
func without(text string, object, member span) (head, tail span) {
	switch {
	case member == span{}:
		return object, span{object.to, object.to}
	case text[member.to] == ',':
		return span{object.from, member.from}, span{member.to + 1, object.to}
	case text[member.from-1] == ',':
		return span{object.from, member.from - 1}, span{member.to, object.to}
	}
	return span{object.from, member.from}, span{member.to, object.to}
}
