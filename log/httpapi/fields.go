package httpapi

import (
	"strings"
)

// maxListElements bounds how many elements of a list field are looked at. Real
// clients send a handful; the rest of a longer list is ignored.
const maxListElements = 32

// listElements splits the values of a list field (RFC 9110 section 5.6.1) at
// its commas, quoted strings kept whole, blanks trimmed and empty elements
// dropped.
func listElements(values []string) []string {
	var out []string
	for _, v := range values {
		for len(v) > 0 && len(out) < maxListElements {
			var element string
			element, v = cutOutsideQuotes(v, ',')
			if element = trimBlanks(element); element != "" {
				out = append(out, element)
			}
		}
	}
	return out
}

// cutOutsideQuotes cuts s at the first sep that is not inside a quoted string.
// An unterminated quoted string runs to the end.
func cutOutsideQuotes(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// parameter splits "name = value" into a lower-case name and a value with
// quotes removed. ok is false where there is no valid name, or a "=" with no
// value after it.
func parameter(s string) (name, value string, ok bool) {
	name, value, found := strings.Cut(s, "=")
	name = strings.ToLower(trimBlanks(name))
	if !isToken(name) {
		return "", "", false
	}
	if !found {
		return name, "", true
	}
	value = trimBlanks(value)
	if strings.HasPrefix(value, `"`) {
		value, ok = unquote(value)
		return name, value, ok
	}
	return name, value, isToken(value)
}

// unquote undoes a quoted-string of RFC 9110 section 5.6.4.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	s = s[1 : len(s)-1]
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			return "", false
		}
		if s[i] == '\\' {
			if i++; i == len(s) {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func trimBlanks(s string) string { return strings.Trim(s, " \t") }
