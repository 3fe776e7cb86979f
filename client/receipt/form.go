package receipt

import (
	"strings"
	"time"
)

// The forms that strings in a receipt have to have. Each is a pattern under
// $defs in schema.json too.

// isHash accepts a SHA-256 as 64 lower-case hex digits.
func isHash(s string) bool { return len(s) == 64 && isLowerHex(s) }

// isObjectName accepts a git object name, SHA-1 or SHA-256, in full.
func isObjectName(s string) bool { return (len(s) == 40 || len(s) == 64) && isLowerHex(s) }

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// maxHandle bounds a handle in bytes: it is part of a URL path and of keys in
// the log's index.
const maxHandle = 128

// isHandle accepts a run id or the name of an organisation: a word that needs
// no escaping in a URL path and is neither "." nor "..".
func isHandle(s string) bool {
	if s == "" || len(s) > maxHandle || !isAlnum(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("._~-", s[i]) < 0 {
			return false
		}
	}
	return true
}

// maxURI bounds a URI in bytes.
const maxURI = 2048

// isURI accepts an absolute URI: a scheme, a colon, and at least one of the
// characters of RFC 3986.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || scheme == "" || !isAlpha(scheme[0]) || len(s) > maxURI {
		return false
	}
	for i := range len(scheme) {
		if !isAlnum(scheme[i]) && strings.IndexByte("+.-", scheme[i]) < 0 {
			return false
		}
	}
	return isURIText(rest)
}

// isLink accepts an http or https URL. People follow these from reports, so
// no other scheme is let through.
func isLink(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	return ok && rest != "" && len(s) <= maxURI && isURIText(rest)
}

func isURIText(s string) bool {
	for i := range len(s) {
		if !isURIByte[s[i]] {
			return false
		}
	}
	return true
}

// isURIByte tells the characters of RFC 3986.
var isURIByte = func() (is [256]bool) {
	for c := range is {
		is[c] = isAlnum(byte(c)) || strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", byte(c)) >= 0
	}
	return is
}()

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlnum(c byte) bool { return isAlpha(c) || '0' <= c && c <= '9' }

// isStamp accepts an XML Schema dateTimeStamp: a date and time with a zone.
func isStamp(s string) bool {
	_, ok := parseStamp(s)
	return ok
}

// parseStamp reads a dateTimeStamp: 2026-05-12T10:00:00Z, with up to nine
// decimals and an offset of up to 14 hours. 24:00:00 and years of more than
// four digits, which XML Schema allows, are refused: few readers know them.
func parseStamp(s string) (time.Time, bool) {
	const layout = "2006-01-02T15:04:05"
	if len(s) <= len(layout) || !digitsLike(s[:len(layout)], layout) {
		return time.Time{}, false
	}
	zone := s[len(layout):]
	if zone[0] == '.' {
		decimals := 1
		for decimals < len(zone) && isDigit(zone[decimals]) {
			decimals++
		}
		if decimals == 1 || decimals > 10 {
			return time.Time{}, false
		}
		zone = zone[decimals:]
	}
	if !isZone(zone) {
		return time.Time{}, false
	}
	// What is left to check is the range of each field; time.Parse does, the
	// days of the month included.
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// isZone accepts Z and offsets from -14:00 to +14:00.
func isZone(s string) bool {
	if s == "Z" {
		return true
	}
	return (strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-")) &&
		digitsLike(s[1:], "00:00") && s[1:] <= "14:00" && s[4:] < "60"
}

// digitsLike reports whether s has digits where the layout has them, and
// elsewhere the layout's very bytes.
func digitsLike(s, layout string) bool {
	if len(s) != len(layout) {
		return false
	}
	for i := range len(s) {
		if isDigit(layout[i]) != isDigit(s[i]) || !isDigit(s[i]) && s[i] != layout[i] {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsOrg reports whether a receipt can name s as its organisation.
func IsOrg(s string) bool { return isHandle(s) }
