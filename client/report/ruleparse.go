package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// maxRuleBytes bounds a rule: an auditor should be able to read it.
	maxRuleBytes = 2048
	// maxRuleDepth bounds nesting, and with it the stack.
	maxRuleDepth = 32
)

var keywords = []string{"and", "or", "not", "has", "some", "every", "count", "if", "then", "in", "starts", "true", "false"}

// ParseRule reads a rule. Its errors carry malformed or too_large and say
// where in the rule.
func ParseRule(text string) (*Rule, error) {
	if len(text) > maxRuleBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "rule", "has %d bytes, at most %d are allowed", len(text), maxRuleBytes)
	}
	if !validText(text) {
		return nil, verdict.Errorf(verdict.Malformed, "rule", "must be one line of UTF-8 text")
	}
	p := &ruleParser{text: text}
	p.next()
	e := p.implication(0)
	if p.err == nil && p.token != "" {
		p.fail("an operator or the end of the rule")
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Rule{text: text, expr: e}, nil
}

// ruleParser is a recursive-descent parser with one token of look-ahead. After
// the first error it reads nothing more.
type ruleParser struct {
	text   string
	at     int    // where the token begins
	end    int    // where it ends
	token  string // "" at the end
	scopes int    // how many some and every enclose the token
	err    error
}

func (p *ruleParser) fail(want string) {
	if p.err == nil {
		found := "the end"
		if p.token != "" {
			found = strconv.Quote(p.token)
		}
		p.err = verdict.Errorf(verdict.Malformed, "rule", "at character %d: found %s where %s should be", p.at+1, found, want)
	}
	p.token = ""
}

// next reads the next token: text in quotes, a sign, or a word.
func (p *ruleParser) next() {
	if p.err != nil {
		return
	}
	for p.at = p.end; p.at < len(p.text) && p.text[p.at] == ' '; {
		p.at++
	}
	rest := p.text[p.at:]
	n := 0
	switch {
	case rest == "":
	case rest[0] == '\'':
		if n = strings.IndexByte(rest[1:], '\'') + 2; n < 2 {
			p.token = rest
			p.fail("text that ends with a quote")
			return
		}
	case strings.HasPrefix(rest, "!="), strings.HasPrefix(rest, "<="), strings.HasPrefix(rest, ">="):
		n = 2
	case strings.IndexByte("()[],=<>", rest[0]) >= 0:
		n = 1
	default:
		for n < len(rest) && strings.IndexByte(" '()[],=<>!", rest[n]) < 0 {
			n++
		}
		n = max(n, 1)
	}
	p.end = p.at + n
	p.token = rest[:n]
}

func (p *ruleParser) accept(token string) bool {
	if p.err != nil || p.token != token {
		return false
	}
	p.next()
	return true
}

func (p *ruleParser) expect(token string) {
	if !p.accept(token) {
		p.fail(strconv.Quote(token))
	}
}

func (p *ruleParser) implication(depth int) expr {
	if depth > maxRuleDepth {
		p.fail("less nesting")
		return nil
	}
	if !p.accept("if") {
		return p.disjunction(depth)
	}
	cause := p.disjunction(depth)
	p.expect("then")
	return anyOf{negated{cause}, p.implication(depth + 1)}
}

func (p *ruleParser) disjunction(depth int) expr {
	e := p.conjunction(depth)
	for p.accept("or") {
		e = anyOf{e, p.conjunction(depth)}
	}
	return e
}

func (p *ruleParser) conjunction(depth int) expr {
	e := p.single(depth)
	for p.accept("and") {
		e = allOf{e, p.single(depth)}
	}
	return e
}

func (p *ruleParser) single(depth int) expr {
	if depth > maxRuleDepth {
		p.fail("less nesting")
		return nil
	}
	switch {
	case p.accept("not"):
		return negated{p.single(depth + 1)}
	case p.accept("("):
		e := p.implication(depth + 1)
		p.expect(")")
		return e
	case p.accept("has"):
		return present{p.path()}
	case p.accept("some"):
		in, is := p.quantified(depth)
		return someOf{in, is}
	case p.accept("every"):
		in, is := p.quantified(depth)
		return everyOf{in, is}
	}
	return p.comparison()
}

func (p *ruleParser) quantified(depth int) (path, expr) {
	in := p.path()
	p.expect("(")
	p.scopes++
	is := p.implication(depth + 1)
	p.scopes--
	p.expect(")")
	return in, is
}

func (p *ruleParser) comparison() expr {
	c := comparing{count: p.accept("count")}
	c.left = p.path()
	c.op = p.token
	switch c.op {
	case "=", "!=", "<", "<=", ">", ">=", "starts":
		p.next()
		if strings.HasPrefix(p.token, "$") || strings.HasPrefix(p.token, "^") {
			right := p.path()
			c.path = &right
		} else {
			c.value = p.literal()
		}
	case "in":
		p.next()
		p.expect("[")
		c.choices = append(c.choices, p.literal())
		for p.accept(",") {
			c.choices = append(c.choices, p.literal())
		}
		p.expect("]")
	default:
		p.fail("a comparison")
	}
	return c
}

// path reads a path. Names are of letters, digits, '_', '-' and '@'.
func (p *ruleParser) path() path {
	var out path
	rest := p.token
	if rest != "" && (rest[0] == '$' || rest[0] == '^') {
		if rest[0] == '^' && p.scopes == 0 {
			p.fail("a path that does not leave the receipt")
			return out
		}
		out.from, rest = rest[0], rest[1:]
		if rest == "" && out.from == '^' {
			p.next()
			return out
		}
	}
	out.names = strings.Split(rest, ".")
	if slices.Contains(keywords, rest) || slices.ContainsFunc(out.names, func(s string) bool { return !isName(s) }) {
		p.fail("a path such as build.spec.title")
		return path{}
	}
	p.next()
	return out
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("_-@", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// literal reads 'text', a number, true or false.
func (p *ruleParser) literal() any {
	token := p.token
	switch {
	case token == "true" || token == "false":
		p.next()
		return token == "true"
	case strings.HasPrefix(token, "'"):
		p.next()
		return token[1 : len(token)-1]
	}
	number, err := strconv.ParseFloat(token, 64)
	if err != nil || strings.Trim(token, "0123456789.-") != "" {
		p.fail("a value: text in single quotes, a number, true or false")
		return nil
	}
	p.next()
	return number
}
