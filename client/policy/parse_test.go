package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verdict"
)

// twoLevels is the example of C2SP tlog-policy, with fewer keys.
const twoLevels = `log <log-ed>
log <log-ml>

witness X1 <w1>
witness X2 <w2> https://w2.example/
group X-witnesses 2 X1 X2

witness Y1 <w3>
group Y-witnesses any Y1

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

var goodPolicies = []string{
	twoLevels,
	"quorum none\n",
	"log <log-ed>\nquorum none\n",
	"\n \t \n# comment\n\t # also\n log\t<log-ed> \t https://log.example/\t\nquorum  none\t\n",
	"quorum none\nlog <log-ed>\nwitness late <w1>\n",
	"witness w <w1>\nquorum w\n",
	"witness 2 <w1>\nwitness all <w2>\ngroup any 2 2 all\nquorum any\n",
	"witness #1 <w1>\nquorum #1\n",
	"witness \xff\x80 <w1>\nquorum \xff\x80\n",
	"witness K <w1>\nwitness \u212a <w2>\ngroup g 1 \u212a\nquorum g\n",
}

func TestParse(t *testing.T) {
	for _, text := range goodPolicies {
		parse(t, text)
	}
	p := parse(t, twoLevels)
	if logs := p.Logs(); len(logs) != 2 || logs[0].Origin != origin || logs[1].VKey != cast["log-ml"].vkey {
		t.Errorf("logs are %+v", logs)
	}
	if w := p.Witnesses(); len(w) != 3 || w[1].Name != "X2" || w[1].URL != "https://w2.example/" || w[2].VKey != cast["w3"].vkey {
		t.Errorf("witnesses are %+v", w)
	}
	if got, want := p.Quorum(), "2 of (2 of (X1, X2), 1 of (Y1))"; got != want {
		t.Errorf("quorum is %q, want %q", got, want)
	}
}

// badPolicies gives for each policy the whole error.
var badPolicies = []struct{ text, want string }{
	{"", `line 1: the file ends without a quorum line`},
	{"\n\n", `line 2: the file ends without a quorum line`},
	{"log <log-ed>\n", `line 1: the file ends without a quorum line`},
	{"quorum none", `line 1: does not end in a newline`},
	{"quorum none\n# cut sho", `line 2: does not end in a newline`},
	{"quorum none\nquorum none\n", `line 2: there is a second quorum line (the first is line 1)`},
	{"witness w1 <w1>\nquorum w1\n\nquorum none\n", `line 4: there is a second quorum line (the first is line 2)`},
	{"quorum w1\nwitness w1 <w1>\n", `line 1: quorum "w1" is not defined on an earlier line`},
	{"quorum None\n", `line 1: quorum "None" is not defined on an earlier line`},
	{"quorum\n", `line 1: quorum line is not: quorum <name>`},
	{"quorum none none\n", `line 1: quorum line is not: quorum <name>`},
	{"quorum none # comment\n", `line 1: quorum line is not: quorum <name>`},

	{"Log <log-ed>\nquorum none\n", `line 1: unknown keyword "Log": it is log, witness, group or quorum`},
	{"policy v1\n", `line 1: unknown keyword "policy": it is log, witness, group or quorum`},
	{"quorum none\r\n", `line 1: control character 0x0d in column 12`},
	{"# \x00\nquorum none\n", `line 1: control character 0x00 in column 3`},
	{"# \x7f\nquorum none\n", `line 1: control character 0x7f in column 3`},
	{"quorum\u00a0none\n", "line 1: unknown keyword \"quorum\\u00a0none\": it is log, witness, group or quorum"},

	{"log\n", `line 1: log line is not: log <vkey> [<url>]`},
	{"log <log-ed> https://a/ https://b/\n", `line 1: log line is not: log <vkey> [<url>]`},
	{"log <log-ed> #comment\n", `line 1: "#comment" is not a URL (a comment stands on its own line)`},
	{"log <log-ed> ://x\n", `line 1: "://x" is not a URL (a comment stands on its own line)`},
	{"log example.com+00000000+AAAA\n", `line 1: log: verifier key has the unknown type-0x00`},
	{"log x\n", `line 1: log: key is not in the form name+id+base64`},
	{"log <w1>\n", `line 1: log: a log key is of type ed25519 or ml-dsa-44, not cosignature-ed25519`},
	{"log <log-ed>\nlog <log-ml>\nlog <log-ed>\n", `line 3: log: public key of "example.com/log" is listed twice (also on line 1)`},
	{"log <log-ed>\nlog <log-ed:renamed>\n", `line 2: log: public key of "renamed.example" is listed twice (also on line 1)`},
	{"log " + collidingLogA + "\nlog " + collidingLogB + "\n", `line 2: log: key has the name and key ID of another (also on line 1)`},

	{"witness w1\n", `line 1: witness line is not: witness <name> <vkey> [<url>]`},
	{"witness <w1>\n", `line 1: witness line is not: witness <name> <vkey> [<url>]`},
	{"witness none <w1>\n", `line 1: the name "none" is predefined`},
	{"witness w1 <log-ed>\n", `line 1: witness "w1": a witness key is of type cosignature-ed25519 or ml-dsa-44, not ed25519`},
	{"witness w1 <w1>\nwitness w1 <w2>\n", `line 2: name "w1" is defined twice (also on line 1)`},
	{"witness w1 <w1>\nwitness w2 <w1>\n", `line 2: witness "w2": has the same public key as witness "w1" (also on line 1)`},
	{"witness w1 <w1>\nwitness w2 <w1:renamed>\n", `line 2: witness "w2": has the same public key as witness "w1" (also on line 1)`},
	{"witness a " + collidingWitnessA + "\nwitness b " + collidingWitnessB + "\n", `line 2: witness "b": key has the name and key ID of another (also on line 1)`},
	{"witness w1 <w1> w1.example\n", `line 1: "w1.example" is not a URL (a comment stands on its own line)`},

	{"group g any\n", `line 1: group line is not: group <name> all|any|<k> <member>...`},
	{"group g 1 w1\n", `line 1: group "g": member "w1" is not defined on an earlier line`},
	{"group g any g\n", `line 1: group "g": member "g" is not defined on an earlier line`},
	{"group none any w1\n", `line 1: the name "none" is predefined`},
	{"group g any none\n", `line 1: group "g": "none" cannot be a member`},
	{"witness w1 <w1>\ngroup w1 any w1\n", `line 2: name "w1" is defined twice (also on line 1)`},
	{"witness w1 <w1>\nwitness w2 <w2>\n\n\n\n\ngroup X 2 w1 w1\n", `line 7: group "X": member "w1" is listed twice`},
	{"witness w1 <w1>\nwitness w2 <w2>\ngroup X any w1\ngroup Y any w2 w1\n", `line 4: group "Y": member "w1" is already a member of group "X" (line 3)`},
	{"witness w1 <w1>\ngroup X 0 w1\n", `line 2: group "X": threshold 0 is not from 1 to the number of members, 1`},
	{"witness w1 <w1>\ngroup X 2 w1\n", `line 2: group "X": threshold 2 is not from 1 to the number of members, 1`},
	{"witness w1 <w1>\ngroup X -1 w1\n", `line 2: group "X": threshold -1 is not from 1 to the number of members, 1`},
	{"witness w1 <w1>\ngroup X 01 w1\n", `line 2: group "X": threshold "01" is not all, any or a canonical decimal number`},
	{"witness w1 <w1>\ngroup X +1 w1\n", `line 2: group "X": threshold "+1" is not all, any or a canonical decimal number`},
	{"witness w1 <w1>\ngroup X All w1\n", `line 2: group "X": threshold "All" is not all, any or a canonical decimal number`},
	{"witness w1 <w1>\ngroup X 99999999999999999999 w1\n", `line 2: group "X": threshold "99999999999999999999" is not all, any or a canonical decimal number`},
}

// Pairs of public keys that have the same key ID under one name, found by trial.
const (
	collidingLogA     = "example.com/log+cb30a249+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGnq"
	collidingLogB     = "example.com/log+cb30a249+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAALM/"
	collidingWitnessA = "witness.example/w+ac890ac1+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGBa"
	collidingWitnessB = "witness.example/w+ac890ac1+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAALWI"
)

// renamed makes <role:renamed> the public key of a role under another name, and
// thus another key ID.
func renamed(t testing.TB, text string) string {
	t.Helper()
	for role, alg := range map[string]byte{"log-ed": 0x01, "w1": 0x04} {
		v, err := checkpoint.NewVerifier(cast[role].vkey)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "<"+role+":renamed>", vkey("renamed.example", alg, v.PublicKey()))
	}
	return text
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range badPolicies {
		_, err := policy.Parse(expand(renamed(t, tt.text)))
		if verdict.CodeOf(err) != verdict.PolicyInvalid {
			t.Errorf("policy:\n%s\nerror %v, want code policy_invalid", tt.text, err)
		} else if err.Error() != tt.want {
			t.Errorf("policy:\n%s\nerror %q\nwant  %q", tt.text, err, tt.want)
		}
	}
}

// TestSamePublicKeyAcrossTypes: one Ed25519 key as a log's key and as a
// witness's differs in type and key ID and is still one key.
func TestSamePublicKeyAcrossTypes(t *testing.T) {
	v, err := checkpoint.NewVerifier(cast["log-ed"].vkey)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("log <log-ed>\nwitness self %s\nquorum self\n", vkey("w.example", 0x04, v.PublicKey()))
	warnings := parse(t, text).Warnings()
	if want := []string{`witness "self" has the public key of a log: it witnesses itself`}; !slices.Equal(warnings, want) {
		t.Errorf("warnings %q, want %q", warnings, want)
	}
}

func TestLimits(t *testing.T) {
	logLine := func(i int) string { return "log " + numbered(0x01, i) + "\n" }
	witnessLine := func(i int) string { return fmt.Sprintf("witness w%d %s\n", i, numbered(0x04, i)) }
	groupLine := func(i int) string { return fmt.Sprintf("group g%d any g%d\n", i, i-1) }
	group0 := witnessLine(0) + "group g-1 any w0\n"
	for _, tt := range []struct {
		n     int
		first string
		line  func(int) string
		want  string
	}{
		// SPEC tlog-policy: at least 32 of each.
		{256, "", logLine, ""},
		{257, "", logLine, "line 257: more than 256 logs"},
		{256, "", witnessLine, ""},
		{257, "", witnessLine, "line 257: more than 256 witnesses"},
		{255, group0, groupLine, ""},
		{256, group0, groupLine, "line 258: more than 256 groups"},
	} {
		text := tt.first
		for i := range tt.n {
			text += tt.line(i)
		}
		_, err := policy.Parse([]byte(text + "quorum none\n"))
		if got := fmt.Sprint(err); got != tt.want && (tt.want != "" || err != nil) {
			t.Errorf("%d lines like %q: error %v, want %q", tt.n, tt.line(0), err, tt.want)
		}
	}
	if _, err := policy.Parse(make([]byte, policy.MaxBytes+1)); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("endless policy: error %v, want code too_large", err)
	}
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{twoLevels, nil},
		{"quorum none\nwitness w1 <w1>\n", nil},
		{"witness w1 <w1>\nwitness w2 <w2>\nquorum w1\n", []string{`witness "w2" is not part of the quorum`}},
		{"witness a <w1>\nwitness b <w3>\nwitness c <w2>\ngroup g 2 a b c\nquorum g\n",
			[]string{`witnesses "a" and "b" are two keys of "w1.example/witness" and count as two`}},
		{"witness a <w1>\nwitness b <w3>\nwitness c <w2>\ngroup one any a b\ngroup g 2 one c\nquorum g\n", nil},
		{"witness a <w1>\nwitness b <w3>\ngroup both all a b\nquorum both\n", nil},
	} {
		if got := parse(t, tt.text).Warnings(); !slices.Equal(got, tt.want) {
			t.Errorf("policy:\n%s\nwarnings %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestQuorumDoesNotPrintWhatATerminalObeys(t *testing.T) {
	for name, want := range map[string]string{
		"w1":         "w1",
		"wïtness":    "wïtness",
		"\u009b31mx": `"\u009b31mx"`,
		"\x9b31mx":   `"\x9b31mx"`,
		"\u202ex":    `"\u202ex"`,
	} {
		if got := parse(t, "witness "+name+" <w1>\nquorum "+name+"\n").Quorum(); got != want {
			t.Errorf("name %q is printed as %s, want %s", name, got, want)
		}
	}
}

func TestTorchwoodReadsOurPolicies(t *testing.T) {
	if _, err := torchwood.ParsePolicy(expand(twoLevels)); err != nil {
		t.Error(err)
	}
}

// FuzzParse holds that every error names a line, and that a quorum is what one
// expects of it: met by all, met by none only if it is none.
func FuzzParse(f *testing.F) {
	for _, text := range goodPolicies {
		f.Add(expand(text))
	}
	for _, tt := range badPolicies {
		f.Add(expand(renamed(f, tt.text)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if err != nil {
			if code := verdict.CodeOf(err); code != verdict.PolicyInvalid && code != verdict.TooLarge {
				t.Fatalf("error %v has code %s", err, code)
			}
			if verdict.CodeOf(err) == verdict.PolicyInvalid && !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("error %q names no line", err)
			}
			return
		}
		all := make(map[string]bool)
		for _, w := range p.Witnesses() {
			all[w.Name] = true
		}
		if !p.Satisfied(all) || p.Satisfied(nil) == p.RequiresWitnesses() {
			t.Fatalf("quorum %q: met by all %v, by none %v", p.Quorum(), p.Satisfied(all), p.Satisfied(nil))
		}
		p.Warnings()
	})
}
