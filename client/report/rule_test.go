package report

import (
	"encoding/json/v2"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
)

const facts = `{"a":{"text":"x","empty":"","n":3,"yes":true,"no":false,"none":null,"list":["p","q"],"nothing":[],"map":{"k":1},"hollow":{}},
	"gates":[{"id":"read","decision":"allow"},{"id":"write","decision":"deny","reason":"main"}],
	"trail":[{"gate":"write"}],"set":["read","write"],"at":"2026-05-12T10:00:00Z"}`

func TestRules(t *testing.T) {
	var f Facts
	if err := json.Unmarshal([]byte(facts), &f); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"has a.text": true, "has a.empty": false, "has a.nothing": false, "has a.hollow": false, "has a.none": false, "has a.nowhere.deep": false,
		"has a.n": true, "has a.no": true, "has a.list": true, "not has a.text": false, "not not has a.text": true,
		"a.text = 'x'": true, "a.text != 'x'": false, "a.text != 'y'": true, "a.text in ['w', 'x']": true, "a.text in ['w']": false, "a.text starts ''": true, "at starts '2026-05'": true, "at starts '2027'": false,
		"a.n = 3": true, "a.n >= 3 and a.n <= 3.0": true, "a.n > 3 or a.n < 3": false, "a.n != 4": true, "a.n = '3'": false, "a.n != '3'": false,
		"a.yes = true": true, "a.no = true": false, "a.no != true": true, "a.yes > false": false, "a.missing = 1": false, "a.missing != 1": false, "a.list = 'p'": false,
		"at >= '2026-05-12' and at < '2026-05-13'": true,
		"count a.list = 2":                         true, "count a.map = 1": true, "count a.text = 1": false, "count a.missing = 0": false, "count a.nothing = 0": true,
		"some gates (decision = 'deny')": true, "every gates (has id)": true, "every gates (decision = 'allow')": false,
		"every a.nothing (has id)": false, "some a.nothing (has id)": false, "some a.text (has id)": false,
		"some gates (decision = 'deny' and not some $trail (gate = ^id))":  false,
		"some gates (decision = 'allow' and not some $trail (gate = ^id))": true,
		"every set (some $gates (id = ^))":                                 true, "every a.list (some $gates (id = ^))": false,
		"if has a.text then a.n = 3": true, "if has a.text then a.n = 4": false, "if has a.empty then a.n = 4": true,
		"if has a.text then if has a.n then a.n = 4":                      false,
		"has a.empty and has a.text or has a.n":                           true,
		"has a.empty and (has a.text or has a.n)":                         false,
		"some gates (reason = $gates)":                                    false,
		"some gates (has ^gates)":                                         true,
		"a.text='x'and(a.n=3)":                                            true,
		"some gates (id = 'write' and some $gates (some ^^trail (true)))": false,
	} {
		r, err := ParseRule(text)
		if strings.Contains(text, "^^") || strings.Contains(text, "(true)") {
			if err == nil {
				t.Errorf("%s: accepted", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := r.Holds(f); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		if r.String() != text {
			t.Errorf("%s is printed as %s", text, r)
		}
	}
}

func TestRulesRefused(t *testing.T) {
	for _, text := range []string{"", " ", "has", "has has", "has a.", "has .a", "has a b", "a", "a =", "= 1", "a = b", "a = 'x", "a in []", "a in ['x'", "a in 'x'", "(has a", "has a)",
		"some a has b", "some a (has b", "^x = 1", "has ^", "not", "has a and", "a = 1e", "a = Inf", "a = 0x1", "a == 1", "a ! 1", "if has a", "has a\nand has b", "has a\xff",
		"count = 1", "a = $", "a ~ 1", strings.Repeat("not ", 40) + "has a", strings.Repeat("(", 40) + "has a" + strings.Repeat(")", 40), strings.Repeat("if has a then ", 40) + "has a"} {
		r, err := ParseRule(text)
		if err == nil {
			t.Errorf("%q: accepted as %v", text, r)
		} else if verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%q: code %s", text, verdict.CodeOf(err))
		}
	}
	if _, err := ParseRule("has " + strings.Repeat("a", maxRuleBytes)); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("a long rule: %v", err)
	}
	if _, err := ParseRule("has a and b"); err == nil || !strings.Contains(err.Error(), "at the") && !strings.Contains(err.Error(), "at character") {
		t.Errorf("the error does not say where: %v", err)
	}
}

func FuzzParseRule(f *testing.F) {
	for _, c := range Builtin().Controls {
		for _, item := range c.Evidence {
			f.Add(item.Rule)
			f.Add(item.Rule[1:])
			f.Add(item.Rule + ")")
		}
	}
	f.Add("every a (some $b (c = ^) or ^d in [1, 'x', true])")
	f.Add("a = ''''")
	var known Facts
	if err := json.Unmarshal([]byte(facts), &known); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			if code := verdict.CodeOf(err); code != verdict.Malformed && code != verdict.TooLarge {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if r.Holds(known) != r.Holds(known) {
			t.Fatal("a rule changed its mind")
		}
		r.Holds(nil)
	})
}
