package jcs

import (
	"encoding/json/jsontext"
	"unicode/utf8"
)

// AppendQuote appends text, which must be UTF-8, as a canonical JSON string. It
// is fast where little is to be escaped, as in a signed note, which is lines of
// base64.
func AppendQuote(dst, text []byte) []byte {
	dst = append(dst, '"')
	for len(text) > 0 {
		n := plainPrefix(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		_, size := utf8.DecodeRune(text)
		switch {
		case text[0] == '\n':
			dst = append(dst, '\\', 'n')
		case size > 1:
			dst = append(dst, text[:size]...)
		default: // to escape, or not UTF-8 and to be replaced
			quoted, _ := jsontext.AppendQuote(nil, text[:1])
			dst = append(dst, quoted[1:len(quoted)-1]...)
		}
		text = text[size:]
	}
	return append(dst, '"')
}
