package did

import (
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

// MaxLength bounds a DID or DID URL in bytes. A host name has at most 253 and
// a did:web adds a path to it; nothing honest comes near.
const MaxLength = 1024

// Check reports whether s is a DID: no path, no query, no fragment. The error
// code is malformed.
func Check(s string) error {
	if len(s) > MaxLength {
		return verdict.Errorf(verdict.Malformed, "", "a DID has at most %d bytes", MaxLength)
	}
	// SPEC DID 1.0 3.1: did = "did:" method-name ":" method-specific-id
	rest, ok := strings.CutPrefix(s, "did:")
	method, id, sep := strings.Cut(rest, ":")
	if !ok || !sep || !isMethod(method) || !isMethodID(id) {
		return verdict.Errorf(verdict.Malformed, "", "%s is not a DID", quote(s))
	}
	return nil
}

// Method returns "web" for did:web:..., and "" where s has not the form of a
// DID.
func Method(s string) string {
	if Check(s) != nil {
		return ""
	}
	method, _, _ := strings.Cut(s[len("did:"):], ":")
	return method
}

// SplitURL splits a DID URL that names a key, "did:web:armalo.ai#key-1", into
// the DID and the fragment. Other DID URLs (with a path, a query, or no
// fragment) are refused with code malformed.
func SplitURL(s string) (did, fragment string, err error) {
	did, fragment, ok := strings.Cut(s, "#")
	if !ok || fragment == "" || !isFragment(fragment) || len(s) > MaxLength {
		return "", "", verdict.Errorf(verdict.Malformed, "", "%s does not name a key in a DID document", quote(s))
	}
	return did, fragment, Check(did)
}

func isMethod(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// isMethodID follows method-specific-id = *( *idchar ":" ) 1*idchar, where
// idchar = ALPHA / DIGIT / "." / "-" / "_" / pct-encoded.
func isMethodID(s string) bool {
	return s != "" && s[len(s)-1] != ':' && isEncoded(s, ".-_:")
}

// isFragment follows RFC 3986, fragment = *( pchar / "/" / "?" ).
func isFragment(s string) bool {
	return isEncoded(s, "-._~!$&'()*+,;=:@/?")
}

// isEncoded reports whether s consists of ASCII letters, digits, the marks
// given, and well-formed percent escapes.
func isEncoded(s, marks string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlnum(c), strings.IndexByte(marks, c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
