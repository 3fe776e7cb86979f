package checkpoint_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	sofaBody = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

	// sofaSigned is the example of C2SP tlog-cosignature.
	sofaSigned = sofaBody + "\n" +
		"— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" +
		"— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"

	emptyBody = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
	root      = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
)

func ExampleParseSigned() {
	c, err := checkpoint.ParseSigned([]byte(sofaSigned))
	fmt.Println(c.Origin, c.Size, err)
	// Output: example.com/behind-the-sofa 20852163 <nil>
}

var goodBodies = []string{
	sofaBody,
	emptyBody,
	"a\n1\n" + root + "\n",
	"origin with spaces + plus and ünïcode\n9223372036854775807\n" + root + "\n",
	strings.Repeat("o", 255) + "\n1\n" + root + "\n",
}

// badBodies says what is wrong with each.
var badBodies = map[string]string{
	"empty":                     "",
	"newlines only":             "\n\n\n",
	"no origin":                 "\n1\n" + root + "\n",
	"origin too long":           strings.Repeat("o", 256) + "\n1\n" + root + "\n",
	"origin not UTF-8":          "a\xff\n1\n" + root + "\n",
	"control character":         "a\tb\n1\n" + root + "\n",
	"carriage return":           "a\r\n1\n" + root + "\n",
	"leading zero":              "a\n01\n" + root + "\n",
	"plus":                      "a\n+1\n" + root + "\n",
	"minus":                     "a\n-1\n" + root + "\n",
	"underscore":                "a\n1_0\n" + root + "\n",
	"hexadecimal":               "a\n0x1\n" + root + "\n",
	"space":                     "a\n 1\n" + root + "\n",
	"no size":                   "a\n\n" + root + "\n",
	"size 2^63":                 "a\n9223372036854775808\n" + root + "\n",
	"size 2^64":                 "a\n18446744073709551616\n" + root + "\n",
	"no root":                   "a\n1\n\n",
	"root of 31 bytes":          "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
	"root with spare bits":      "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
	"root without padding":      "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
	"root in URL alphabet":      "a\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n",
	"root with carriage return": "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\r\n",
	"no last newline":           "a\n1\n" + root,
	"extension line":            "a\n1\n" + root + "\nextension\n",
	"empty line":                "a\n1\n" + root + "\n\n",
	"empty tree, another root":  "a\n0\n" + root + "\n",
}

func TestParse(t *testing.T) {
	for _, body := range goodBodies {
		c, err := checkpoint.Parse([]byte(body))
		if err != nil {
			t.Errorf("Parse(%q): %v", body, err)
		}
		if got := c.Body(); string(got) != body {
			t.Errorf("Parse(%q).Body() = %q", body, got)
		}
	}
	for name, body := range badBodies {
		if c, err := checkpoint.Parse([]byte(body)); verdict.CodeOf(err) != verdict.CheckpointInvalid {
			t.Errorf("%s: Parse = %+v, %v; want code checkpoint_invalid", name, c, err)
		}
	}
}

func TestExtensionLinesHaveTheirOwnError(t *testing.T) {
	_, err := checkpoint.Parse([]byte(badBodies["extension line"]))
	if err == nil || !strings.Contains(err.Error(), "extension lines") {
		t.Errorf("error %v does not speak of extension lines", err)
	}
}

// FuzzParse holds that a checkpoint has one spelling, and that torchwood reads in
// it what we do.
func FuzzParse(f *testing.F) {
	for _, body := range goodBodies {
		f.Add([]byte(body))
	}
	for _, body := range badBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := checkpoint.Parse(body)
		if err != nil {
			return
		}
		if got := c.Body(); !bytes.Equal(got, body) {
			t.Fatalf("%q is written as %q", body, got)
		}
		theirs, err := torchwood.ParseCheckpoint(string(body))
		if err != nil || theirs.Origin != c.Origin || uint64(theirs.N) != c.Size || theirs.Hash != c.Root || theirs.Extension != "" {
			t.Fatalf("torchwood reads %+v, %v; want %+v", theirs, err, c)
		}
	})
}

// FuzzParseSize holds that a number has one spelling.
func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"0", "1", "9223372036854775807", "9223372036854775808", "", "00", "-0", "+1", "1_0", " 1", "1e3", "١"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := checkpoint.ParseSize(s); err == nil && (fmt.Sprint(n) != s || n > checkpoint.MaxSize) {
			t.Fatalf("ParseSize(%q) = %d", s, n)
		}
	})
}
