package httpapi

import (
	"strings"

	"github.com/armalo/receiptlog/client/api"
)

// weighted is one element of an Accept or Accept-Encoding field: a value in
// lower case and its weight in thousandths.
type weighted struct {
	value  string
	weight int
}

// parseWeighted reads a field whose elements may carry "q". An element with
// a parameter that is none, or a weight that is no qvalue, is ignored.
func parseWeighted(values []string) []weighted {
	var out []weighted
	for _, element := range listElements(values) {
		value, rest := cutOutsideQuotes(element, ';')
		w := weighted{strings.ToLower(trimBlanks(value)), 1000}
		ok := w.value != ""
		for rest != "" && ok {
			var param string
			param, rest = cutOutsideQuotes(rest, ';')
			name, v, valid := parameter(trimBlanks(param))
			if ok = valid; ok && name == "q" {
				w.weight, ok = parseQuality(v)
			}
		}
		if ok {
			out = append(out, w)
		}
	}
	return out
}

// parseQuality reads a qvalue (RFC 9110 section 12.4.2) into thousandths: "0"
// or "1", with at most three decimals, and never more than one.
func parseQuality(s string) (int, bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0, false
	}
	q := 0
	for i := range 3 {
		q *= 10
		if i < len(decimals) {
			if decimals[i] < '0' || decimals[i] > '9' {
				return 0, false
			}
			q += int(decimals[i] - '0')
		}
	}
	if whole == "1" {
		return 1000, q == 0
	}
	return q, true
}

// coding is a content coding this server can send.
type coding int

const (
	codingNone coding = iota // nothing acceptable: answer 406
	codingIdentity
	codingGzip
)

// chooseCoding picks how to send a representation that exists plain and
// gzipped, from the values of all Accept-Encoding fields.
func chooseCoding(values []string) coding {
	gzip, identity, other := -1, -1, -1
	for _, w := range parseWeighted(values) {
		switch w.value {
		case "gzip", "x-gzip":
			gzip = w.weight
		case "identity":
			identity = w.weight
		case "*":
			other = w.weight
		}
	}
	// SPEC RFC 9110 section 12.5.3: "*" stands for every coding not named;
	// identity is acceptable unless excluded by "identity;q=0" or "*;q=0".
	if gzip < 0 {
		gzip = max(other, 0)
	}
	if identity < 0 {
		identity = 1 // below any weight that is named
		if other == 0 {
			identity = 0
		}
	}
	switch {
	case gzip > 0 && gzip >= identity:
		return codingGzip
	case identity > 0:
		return codingIdentity
	}
	return codingNone
}

// wantsProof reports whether the Accept fields prefer a .tlog-proof to the
// JSON bundle.
func wantsProof(values []string) bool {
	proof, json := 0, 0
	for _, w := range parseWeighted(values) {
		switch w.value {
		case api.MediaProof:
			proof = max(proof, w.weight)
		case api.MediaJSON, "application/*", "*/*":
			json = max(json, w.weight)
		}
	}
	return proof > 0 && proof >= json
}

// matchesTag reports whether an If-None-Match field holds tag, an entity tag
// with its quotes.
func matchesTag(values []string, tag string) bool {
	for _, element := range listElements(values) {
		// SPEC RFC 9110 section 13.1.2: weak comparison, and "*" matches any
		// current representation.
		if element == "*" || strings.TrimPrefix(element, "W/") == tag {
			return true
		}
	}
	return false
}
