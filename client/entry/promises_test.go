package entry

import (
	"bytes"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

const handle = "00112233445566778899aabbccddeeff"

func index(n uint64) *uint64 { return &n }

func sampleRules() Rules {
	return Rules{Org: handle, Class: ClassPeriod, Period: &period.Period{Months: 24}, Applies: AppliesAll,
		Notice: period.ThirtyDays, Floor: period.SixMonths, Asked: "records office", At: at}
}

func sampleHold() Hold {
	return Hold{Action: HoldPlaced, Org: handle, Basis: `litigation "7 O 112/26"`, Asked: "general counsel", At: at}
}

func sampleErasure() Erasure {
	return Erasure{Org: handle, Ranges: []Range{{12, 12}, {40, 99}}, Count: 3, Basis: BasisExpired, Rules: index(7), Asked: "sweep", At: at}
}

func TestPromisesRoundTrip(t *testing.T) {
	documentation := sampleRules()
	documentation.Class, documentation.Period, documentation.Event = ClassDocumentation, nil, "2027-01-31"
	plain := sampleRules()
	plain.Class, plain.Period, plain.Applies = ClassIndefinite, nil, AppliesLater
	ranged := sampleHold()
	ranged.Org, ranged.Ranges = "", []Range{{0, 3}, {5, 5}}
	lifted := Hold{Action: HoldLifted, Lifts: index(0), Basis: "settled", Asked: "general counsel", At: at}
	request := sampleErasure()
	request.Basis, request.Legal, request.Rules = BasisRequest, "GDPR Article 17(1)(b)", nil
	for _, e := range []Entry{sampleRules(), documentation, plain, sampleHold(), ranged, lifted, sampleErasure(), request} {
		data := e.Marshal()
		got, err := Parse(data)
		if err != nil {
			t.Fatalf("Parse(%s): %v", data, err)
		}
		if got.Kind() != e.Kind() || !bytes.Equal(got.Marshal(), data) {
			t.Errorf("got %s, want %s", got.Marshal(), data)
		}
		independent, err := jsoncanonicalizer.Transform(data)
		if err != nil || !bytes.Equal(independent, data) {
			t.Errorf("not canonical for an independent implementation: %s (%v)", independent, err)
		}
	}
}

func TestPromisesRefused(t *testing.T) {
	rules, hold, erasure := string(sampleRules().Marshal()), string(sampleHold().Marshal()), string(sampleErasure().Marshal())
	for name, change := range map[string][3]string{
		"class unknown":           {rules, `"period","floor"`, `"eternal","floor"`},
		"period of class log":     {rules, `"class":"period"`, `"class":"log"`},
		"no period":               {rules, `,"period":"P2Y"`, ``},
		"period not canonical":    {rules, `"P2Y"`, `"P24M"`},
		"period with time":        {rules, `"P2Y"`, `"PT2H"`},
		"period empty":            {rules, `"class":"period","floor":"P6M","kind":"rules","notice":"P30D","org":"` + handle + `","period":"P2Y"`, `"class":"log","floor":"P6M","kind":"rules","notice":"P30D","org":"` + handle + `","period":""`},
		"event of another class":  {rules, `"floor"`, `"event":"2027-01-31","floor"`},
		"applies to nothing":      {rules, `"all"`, `"none"`},
		"no notice":               {rules, `"notice":"P30D",`, ``},
		"handle short":            {rules, `00112233`, `0011`},
		"asked empty":             {rules, `"records office"`, `""`},
		"asked long":              {rules, `records office`, strings.Repeat("x", maxTextBytes+1)},
		"asked with a newline":    {rules, `records office`, `records\noffice`},
		"hold of nothing":         {hold, `,"org":"` + handle + `"`, ``},
		"hold of both":            {hold, `"}`, `","ranges":[[1,2]]}`},
		"hold without basis":      {hold, `"basis":"litigation \"7 O 112/26\"",`, ``},
		"hold placed and lifting": {hold, `"org"`, `"lifts":1,"org"`},
		"lifted with org":         {hold, `"placed"`, `"lifted"`},
		"action unknown":          {hold, `"placed"`, `"moved"`},
		"ranges null":             {hold, `"org":"` + handle + `"`, `"org":"` + handle + `","ranges":null`},
		"ranges empty":            {erasure, `[[12,12],[40,99]]`, `[]`},
		"range backwards":         {erasure, `[12,12]`, `[12,11]`},
		"ranges touch":            {erasure, `[12,12]`, `[12,39]`},
		"ranges out of order":     {erasure, `[[12,12],[40,99]]`, `[[40,99],[12,12]]`},
		"range of one number":     {erasure, `[12,12]`, `[12]`},
		"range of three numbers":  {erasure, `[12,12]`, `[12,12,12]`},
		"range of strings":        {erasure, `[12,12]`, `["12","12"]`},
		"index not exact":         {erasure, `[40,99]`, `[9007199254740992,9007199254740992]`},
		"number as float":         {erasure, `"count":3`, `"count":3.0`},
		"count of nothing":        {erasure, `"count":3`, `"count":0`},
		"count over span":         {erasure, `"count":3`, `"count":62`},
		"span over bound":         {erasure, `[40,99]`, `[40,70000]`},
		"basis unknown":           {erasure, `"expired"`, `"whim"`},
		"request without basis":   {erasure, `"expired"`, `"request"`},
		"expired with legal":      {erasure, `"org"`, `"legal":"x","org"`},
		"rules negative":          {erasure, `"rules":7`, `"rules":-7`},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(change[0], change[1], change[2], 1)
			if data == change[0] {
				t.Fatal("the case changes nothing")
			}
			if e, err := Parse([]byte(data)); err == nil {
				t.Fatalf("accepted as %#v", e)
			} else if code := verdict.CodeOf(err); code != verdict.Malformed {
				t.Errorf("code %q for %v", code, err)
			}
		})
	}
}

// TestLargestErasureFits holds that what Check accepts is never too large.
func TestLargestErasureFits(t *testing.T) {
	e := sampleErasure()
	e.Asked, e.Legal, e.Basis = strings.Repeat(`"`, maxTextBytes), strings.Repeat(`\`, maxTextBytes), BasisRequest
	e.Ranges = nil
	for i := range uint64(MaxRanges) {
		at := maxIndex - 2*(MaxRanges-i)
		e.Ranges = append(e.Ranges, Range{at, at})
	}
	e.Count, e.Rules = MaxRanges, index(maxIndex)
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(e.Marshal()); err != nil {
		t.Fatal(err)
	}
}

func TestContains(t *testing.T) {
	ranges := []Range{{2, 2}, {5, 9}, {20, 30}}
	for i := range uint64(35) {
		want := i == 2 || i >= 5 && i <= 9 || i >= 20 && i <= 30
		if Contains(ranges, i) != want {
			t.Errorf("Contains(%d) = %v", i, !want)
		}
	}
	if Contains(nil, 0) {
		t.Error("nothing contains 0")
	}
}

func FuzzParsePromises(f *testing.F) {
	f.Add(sampleRules().Marshal())
	f.Add(sampleHold().Marshal())
	f.Add(sampleErasure().Marshal())
	f.Add([]byte(`{"kind":"erasure","ranges":[[1,18446744073709551615]]}`))
	f.Add([]byte(`{"kind":"hold","ranges":[[]]}`))
	f.Add([]byte(`{"kind":"rules","period":"P"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if !bytes.Equal(e.Marshal(), data) {
			t.Fatalf("accepted %q, which marshals as %q", data, e.Marshal())
		}
	})
}
