package jcs

import (
	"encoding/json/jsontext"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

const testLimit = 1 << 20

// Examples of RFC 8785: the sample of section 3.2.2 with the result of 3.2.4,
// and the sorting example of 3.2.3.
var examples = []struct{ name, in, want string }{
	{
		"section 3.2.2",
		`{
			"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			"literals": [null, true, false]
		}`,
		`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
	},
	{
		"section 3.2.3, UTF-16 order",
		`{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
		  "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}`,
		"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\"," +
			"\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
	},
	{"names that begin alike", `{"aa":1,"a":2,"":3,"a\u0000":4,"A":5}`, `{"":3,"A":5,"a":2,"a\u0000":4,"aa":1}`},
	{"nested", `[{"b":{"d":1,"c":2},"a":[{"y":1,"x":2}]}]`, `[{"a":[{"x":2,"y":1}],"b":{"c":2,"d":1}}]`},
	{"control characters", `"\u0000\u0001\b\t\n\u000b\f\r\u001f\u007f\u0080\u2028\u2029"`, "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\u007f\u0080\u2028\u2029\""},
	{"no normalisation", `"\u0041\u030a\u00c5"`, "\"A\u030a\u00c5\""},
	{"nothing", ` [ { } , [ ] , "" ] `, `[{},[],""]`},
	{"literal", "\t null\r\n", "null"},
}

func TestRFC8785Examples(t *testing.T) {
	for _, tt := range examples {
		got, err := Canonicalize([]byte(tt.in), testLimit)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\ngot  %s (%v)\nwant %s", tt.name, got, err, tt.want)
		}
		peer, err := jsoncanonicalizer.Transform([]byte(strings.TrimSpace(tt.in)))
		if tt.name == "literal" {
			continue // the peer takes objects and arrays only
		}
		if tt.in[0] == '"' {
			peer, err = jsoncanonicalizer.Transform([]byte("[" + tt.in + "]"))
			peer = []byte(strings.Trim(string(peer), "[]"))
		}
		if err != nil || string(peer) != tt.want {
			t.Errorf("%s: the independent implementation says\n%s (%v)\nwant %s", tt.name, peer, err, tt.want)
		}
	}
}

// numbers is appendix B of RFC 8785: doubles by their bits, and how they print.
var numbers = []struct {
	bits uint64
	want string
}{
	{0x0000000000000000, "0"},
	{0x8000000000000000, "0"},
	{0x0000000000000001, "5e-324"},
	{0x8000000000000001, "-5e-324"},
	{0x7fefffffffffffff, "1.7976931348623157e+308"},
	{0xffefffffffffffff, "-1.7976931348623157e+308"},
	{0x4340000000000000, "9007199254740992"},
	{0xc340000000000000, "-9007199254740992"},
	{0x4430000000000000, "295147905179352830000"},
	{0x44b52d02c7e14af5, "9.999999999999997e+22"},
	{0x44b52d02c7e14af6, "1e+23"},
	{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
	{0x444b1ae4d6e2ef4e, "999999999999999700000"},
	{0x444b1ae4d6e2ef4f, "999999999999999900000"},
	{0x444b1ae4d6e2ef50, "1e+21"},
	{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
	{0x3eb0c6f7a0b5ed8d, "0.000001"},
	{0x41b3de4355555553, "333333333.3333332"},
	{0x41b3de4355555554, "333333333.33333325"},
	{0x41b3de4355555555, "333333333.3333333"},
	{0x41b3de4355555556, "333333333.3333334"},
	{0x41b3de4355555557, "333333333.33333343"},
	{0xbecbf647612f3696, "-0.0000033333333333333333"},
	{0x43143ff3c1cb0959, "1424953923781206.2"},
}

func TestRFC8785Numbers(t *testing.T) {
	for _, tt := range numbers {
		f := math.Float64frombits(tt.bits)
		// 17 digits and an exponent name the double without being canonical.
		for _, in := range []string{fmt.Sprintf("%.17e", f), tt.want} {
			got, err := Canonicalize([]byte(in), testLimit)
			if err != nil || string(got) != tt.want {
				t.Errorf("%016x as %s: got %s (%v), want %s", tt.bits, in, got, err, tt.want)
			}
		}
		peer, err := jsoncanonicalizer.NumberToJSON(f)
		if err != nil || peer != tt.want {
			t.Errorf("%016x: the independent implementation says %s (%v), want %s", tt.bits, peer, err, tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct{ in, path string }{
		"nothing":                {"", ""},
		"blanks":                 {"  ", ""},
		"two values":             {"1 2", ""},
		"trailing text":          {"{}x", ""},
		"byte order mark":        {"\ufeff{}", ""},
		"comment":                {"{/**/}", ""},
		"trailing comma":         {"[1,]", "[1]"},
		"single quotes":          {"{'a':1}", ""},
		"duplicate name":         {`{"a":1,"b":{},"a":2}`, "a"},
		"escaped duplicate":      {`{"a":1,"\u0061":2}`, "a"},
		"duplicate within":       {`{"x":[{"a":{"b":1,"b":2}}]}`, "x[0].a.b"},
		"duplicate, canonical":   {`{"a":1,"a":1}`, "a"},
		"invalid UTF-8":          {"[\"\xff\"]", "[0]"},
		"UTF-8 of a surrogate":   {"[\"\xed\xa0\x80\"]", "[0]"},
		"overlong UTF-8":         {"[\"\xc0\x80\"]", "[0]"},
		"invalid UTF-8 name":     {"{\"\xff\":1}", ""},
		"lone high surrogate":    {`["\ud800"]`, "[0]"},
		"lone low surrogate":     {`["\udc00"]`, "[0]"},
		"surrogates swapped":     {`["\udc00\ud800"]`, "[0]"},
		"raw control character":  {"[\"\n\"]", "[0]"},
		"unknown escape":         {`["\x41"]`, "[0]"},
		"leading zero":           {"[01]", ""},
		"leading plus":           {"[+1]", "[0]"},
		"bare point":             {"[1.]", "[0]"},
		"NaN":                    {"[NaN]", "[0]"},
		"minus":                  {"[-]", "[0]"},
		"integer 2^53+1":         {"[9007199254740993]", ""},
		"integer -(2^53+1)":      {"[-9007199254740993]", ""},
		"integer 10^400":         {"1" + strings.Repeat("0", 400), ""},
		"integer that rounds":    {"1152921504606846976", ""},
		"too large":              {"1e309", ""},
		"too large, no exponent": {strings.Repeat("9", 400) + ".5", ""},
		"too small":              {"1e-400", ""},
		"too small, no exponent": {"0." + strings.Repeat("0", 400) + "1", ""},
		"65 levels":              {strings.Repeat("[", 65) + strings.Repeat("]", 65), ""},
		"65 levels of objects":   {strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), ""},
		"never closed":           {"[[[[", "[0][0][0]"},
	} {
		_, err := Canonicalize([]byte(tt.in), testLimit)
		if verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e := err.(*verdict.Error); e.Path != tt.path {
			t.Errorf("%s: at %q (%v), want %q", name, e.Path, err, tt.path)
		}
	}
}

func TestAccepted(t *testing.T) {
	for in, want := range map[string]string{
		strings.Repeat("[", 64) + strings.Repeat("]", 64): strings.Repeat("[", 64) + strings.Repeat("]", 64),
		"9007199254740991":              "9007199254740991",
		"-9007199254740991":             "-9007199254740991",
		"9007199254740992":              "9007199254740992", // held exactly, digits and all
		"1152921504606847000":           "1152921504606847000",
		"10000000000000000000000":       "1e+22",
		"-0":                            "0",
		"-0.0e9":                        "0",
		"0e400":                         "0",
		"0." + strings.Repeat("0", 400): "0",
		"1.0":                           "1",
		"100E-2":                        "1",
		"1e0":                           "1",
		"4.9e-324":                      "5e-324",
		`"[[[[{{{{1e999"`:               `"[[[[{{{{1e999"`,
		`"\\"`:                          `"\\"`,
		`["\\\"{"]`:                     `["\\\"{"]`,
	} {
		got, err := Canonicalize([]byte(in), testLimit)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s (%v), want %s", in, got, err, want)
		}
	}
}

func TestSizeIsBounded(t *testing.T) {
	if _, err := Canonicalize([]byte("[1]"), 3); err != nil {
		t.Error(err)
	}
	if _, err := Canonicalize([]byte("[1] "), 3); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("four bytes where three are allowed: %v", err)
	}
}

func TestInputIsLeftAlone(t *testing.T) {
	for _, in := range []string{`{"b":1,"a":2}`, `{"a":2,"b":1}`} {
		data := []byte(in)
		out, err := Canonicalize(data, testLimit)
		if err != nil {
			t.Fatal(err)
		}
		out[1] = 'X'
		if string(data) != in {
			t.Errorf("the input is now %s", data)
		}
	}
}

func TestErrorsAreShort(t *testing.T) {
	name := strings.Repeat("n", 100_000)
	for _, in := range []string{`{"` + name + `":1,"` + name + `":2}`, `["\u` + name + `"]`, "[1" + strings.Repeat("0", 100_000) + "]", `{"a\u001b[31m":1,"a\u001b[31m":1}`} {
		_, err := Canonicalize([]byte(in), testLimit)
		if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("an error of %d bytes: %.300v", len(fmt.Sprint(err)), err)
		}
	}
}

func TestPath(t *testing.T) {
	for pointer, want := range map[jsontext.Pointer]string{
		"":              "",
		"/a":            "a",
		"/a/b":          "a.b",
		"/proof/0/type": "proof[0].type",
		"/0/1":          "[0][1]",
		"/a~1b/c~0d":    "a/b.c~d",
		"/x\x00y":       `"x\x00y"`,
	} {
		if got := Path(pointer); got != want {
			t.Errorf("Path(%q) = %q, want %q", pointer, got, want)
		}
	}
}

func TestEnvelopeMayBeDeeper(t *testing.T) {
	for depth, want := range map[int]bool{MaxDepth: true, MaxDepth + envelopeDepth: true, MaxDepth + envelopeDepth + 1: false} {
		// With a blank, so that it goes the long way, and without.
		for _, core := range []string{"", " "} {
			text := strings.Repeat("[", depth) + core + strings.Repeat("]", depth)
			if _, err := CanonicalizeEnvelope([]byte(text), testLimit); (err == nil) != want {
				t.Errorf("%d levels: %v", depth, err)
			}
		}
	}
}
