package report

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A Rule is a small expression that holds of a receipt or does not. It says
// in a catalogue how to find a piece of evidence, and in the report how it was
// found, so it is written to be read:
//
//	has build.spec.sha256 and build.jury.verdict = 'approve'
//	every build.models (has provider and has version)
//	count build.jury.votes >= 2
//	if some build.policyGates (decision = 'deny') then not (build.jury.verdict = 'approve')
//	every build.configuration.evalCheckSet (some $build.evals.checks (id = ^))
//
// A path is member names joined by dots. It starts at the facts of the receipt
// (see [Facts]), inside of some and every at the element looked at; $ goes back
// to the facts, ^ to what encloses the element. What a path does not lead to is
// never equal, unequal, greater or less than anything, and never "has". Text
// that is empty, an empty list and an empty object count as not there.
//
// "every" asks for at least one element: a rule that nothing can fail would
// show nothing. "not" binds closest, then "and", then "or", then "if ... then".
// A Rule is safe for concurrent use.
type Rule struct {
	text string
	expr expr
}

// String returns the rule as it was written.
func (r *Rule) String() string { return r.text }

// Holds reports whether the rule holds of these facts.
func (r *Rule) Holds(f Facts) bool { return r.expr.holds(&scope{value: map[string]any(f)}) }

// scope is what paths are looked up in: an element and what encloses it.
type scope struct {
	value any
	up    *scope
}

// expr is a parsed expression.
type expr interface{ holds(s *scope) bool }

type (
	allOf   struct{ left, right expr }
	anyOf   struct{ left, right expr }
	negated struct{ of expr }
	present struct{ at path }
	someOf  struct {
		in path
		is expr
	}
	everyOf struct {
		in path
		is expr
	}
	comparing struct {
		left    path
		count   bool // compare the number of elements
		op      string
		value   any   // a literal, or
		path    *path // another path
		choices []any // of "in"
	}
)

func (e allOf) holds(s *scope) bool   { return e.left.holds(s) && e.right.holds(s) }
func (e anyOf) holds(s *scope) bool   { return e.left.holds(s) || e.right.holds(s) }
func (e negated) holds(s *scope) bool { return !e.of.holds(s) }

func (e present) holds(s *scope) bool {
	v, ok := e.at.value(s)
	if !ok {
		return false
	}
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

func (e someOf) holds(s *scope) bool {
	return slices.ContainsFunc(elements(e.in, s), func(v any) bool { return e.is.holds(&scope{v, s}) })
}

func (e everyOf) holds(s *scope) bool {
	list := elements(e.in, s)
	return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return !e.is.holds(&scope{v, s}) })
}

func elements(p path, s *scope) []any {
	v, _ := p.value(s)
	list, _ := v.([]any)
	return list
}

func (e comparing) holds(s *scope) bool {
	left, ok := e.left.value(s)
	if !ok {
		return false
	}
	if e.count {
		if left, ok = size(left); !ok {
			return false
		}
	}
	if e.op == "in" {
		return slices.ContainsFunc(e.choices, func(v any) bool { return compare(left, "=", v) })
	}
	right := e.value
	if e.path != nil {
		if right, ok = e.path.value(s); !ok {
			return false
		}
	}
	return compare(left, e.op, right)
}

// size returns the number of elements of a list or of members of an object.
func size(v any) (any, bool) {
	switch v := v.(type) {
	case []any:
		return float64(len(v)), true
	case map[string]any:
		return float64(len(v)), true
	}
	return nil, false
}

// compare holds two values of one type against each other. Values of different
// types compare as nothing, not even as unequal.
func compare(left any, op string, right any) bool {
	switch l := left.(type) {
	case string:
		r, ok := right.(string)
		if op == "starts" {
			return ok && strings.HasPrefix(l, r)
		}
		return ok && ordered(strings.Compare(l, r), op)
	case float64:
		r, ok := right.(float64)
		switch {
		case !ok:
			return false
		case l < r:
			return ordered(-1, op)
		case l > r:
			return ordered(1, op)
		}
		return ordered(0, op)
	case bool:
		r, ok := right.(bool)
		return ok && (op == "=" && l == r || op == "!=" && l != r)
	}
	return false
}

func ordered(c int, op string) bool {
	switch op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	return false
}

// path leads from a scope to a value.
type path struct {
	from  byte // '$', '^', or 0 for the element itself
	names []string
}

func (p path) value(s *scope) (any, bool) {
	switch p.from {
	case '$':
		for s.up != nil {
			s = s.up
		}
	case '^':
		s = s.up
	}
	v := s.value
	for _, name := range p.names {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = object[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// validText reports whether text may stand in a rule: UTF-8 of one line.
func validText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}
