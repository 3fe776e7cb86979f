package receipt

import (
	"strconv"
	"unicode/utf8"
)

// field says how one member of an object is read into a T. A list of fields
// is sorted by name, like the members of canonical JSON, so that the two are
// walked side by side.
type field[T any] struct {
	name     string
	required bool
	read     func(c *cursor, into *T)
}

const (
	required = true
	optional = false
)

// object reads an object into a T. Members that no field names are passed
// over.
func object[T any](c *cursor, into *T, fields []field[T]) {
	if !c.open('{', "an object") {
		return
	}
	next := 0
	for c.more() {
		if next == len(fields) || !c.takeName(fields[next].name) {
			name := c.name()
			for next < len(fields) && fields[next].name < name {
				missing(c, fields[next])
				next++
			}
			if next == len(fields) || fields[next].name != name {
				c.raw()
				continue
			}
		}
		c.path = append(c.path, step{name: fields[next].name})
		fields[next].read(c, into)
		c.path = c.path[:len(c.path)-1]
		next++
	}
	for ; next < len(fields); next++ {
		missing(c, fields[next])
	}
}

func missing[T any](c *cursor, f field[T]) {
	if f.required {
		c.failAt(f.name, "is required")
	}
}

// pointer reads an object into a new T.
func pointer[T any](c *cursor, fields []field[T]) *T {
	into := new(T)
	object(c, into, fields)
	return into
}

// list reads an array, whose elements each reads. most bounds it; 0 means that
// the size of the receipt is bound enough.
func list[T any](c *cursor, most int, each func(c *cursor, into *T)) []T {
	if !c.open('[', "an array") {
		return nil
	}
	out := make([]T, 0, 4) // most lists of a receipt are about as short
	for c.more() {
		if most > 0 && len(out) == most {
			c.fail("must have at most %d items", most)
			return nil
		}
		var zero T
		out = append(out, zero)
		c.path = append(c.path, step{index: len(out) - 1})
		each(c, &out[len(out)-1])
		c.path = c.path[:len(c.path)-1]
	}
	return out
}

// objects reads an array of objects.
func objects[T any](c *cursor, fields []field[T]) []T {
	return list(c, 0, func(c *cursor, into *T) { object(c, into, fields) })
}

// textOf reads a string of at least one character and at most most.
func (c *cursor) textOf(most int) string {
	s := c.string()
	switch {
	case c.err != nil:
	case s == "":
		c.fail("must not be empty")
	case len(s) > most && utf8.RuneCountInString(s) > most:
		c.fail("must have at most %d characters", most)
	}
	return s
}

// texts reads an array of short strings.
func (c *cursor) texts(most int) []string {
	return list(c, most, func(c *cursor, into *string) { *into = c.textOf(maxShort) })
}

// matching reads a string that form accepts; want is what the error says of
// others.
func (c *cursor) matching(form func(string) bool, want string) string {
	s := c.string()
	if c.err == nil && !form(s) {
		c.fail("must be %s", want)
	}
	return s
}

// oneOf reads one of the words given.
func (c *cursor) oneOf(words ...string) string {
	s := c.string()
	if c.err != nil {
		return s
	}
	for _, word := range words {
		if s == word {
			return s
		}
	}
	c.fail("must be one of %s", join(words))
	return s
}

func join(words []string) string {
	out := words[0]
	for i, word := range words[1:] {
		if i == len(words)-2 {
			out += " or " + word
		} else {
			out += ", " + word
		}
	}
	return out
}

// bool reads true or false.
func (c *cursor) bool() bool {
	if c.err != nil {
		return false
	}
	switch c.raw() {
	case "true":
		return true
	case "false":
	default:
		c.fail("must be true or false")
	}
	return false
}

// score reads a number from 0 to 1.
func (c *cursor) score() float64 {
	if c.err != nil {
		return 0
	}
	if first := c.text[c.at]; first != '-' && (first < '0' || first > '9') {
		c.fail("must be a number")
		return 0
	}
	f, err := strconv.ParseFloat(c.raw(), 64)
	if err != nil || f < 0 || f > 1 {
		c.fail("must be between 0 and 1")
	}
	return f
}
