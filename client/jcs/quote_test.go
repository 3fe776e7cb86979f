package jcs

import (
	"bytes"
	"encoding/json/jsontext"
	"strings"
	"testing"
)

// FuzzAppendQuote compares with the standard library.
func FuzzAppendQuote(f *testing.F) {
	for _, text := range []string{"", "plain", "eight by\nte lines\n", "— log.example/a AbCd+/==\n", `"\/`, "\x00\x1f\x7f\r\t", "é😀\u2028", "\xff\xc3", strings.Repeat("a", 70) + "\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, _ := jsontext.AppendQuote([]byte("x"), text)
		if got := AppendQuote([]byte("x"), text); !bytes.Equal(got, want) {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
	})
}
