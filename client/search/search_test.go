package search

import (
	"net/url"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
)

// Whatever parses as a query is written as one that parses to the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "model=m&provider=p", "from=2026-05-12&to=2026-05-13T01:02:03%2B02:00", "verdict=block&x=y", "commit=0123456789012345678901234567890123456789",
		"evalFailed=*", "gate=a&gateDecision=deny", "model=", "model=a&model=b", "from=0001-01-01", "to=2026-05-12T10:00:00.5Z", "model=%ff", "issuer=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		values, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		q, rest, err := Parse(values)
		if err != nil {
			return
		}
		for name := range rest {
			if known, _ := new(Query).Set(name, "x"); known {
				t.Errorf("%s is a part of a query, and left over", name)
			}
		}
		again, rest, err := Parse(q.Values())
		if err != nil || len(rest) != 0 || again != q {
			t.Errorf("%q is %+v, then %+v, %v, %v", s, q, again, rest, err)
		}
	})
}

// Every name can be set, and what is set is asked for.
func TestEveryPartCounts(t *testing.T) {
	values := map[string]string{
		"verdict": "block", "gateDecision": "deny", NameFrom: "2030-01-01", NameTo: "2020-01-01",
		"commit": "0123456789012345678901234567890123456789", "configuration": "0123456789012345678901234567890123456789012345678901234567890123",
	}
	var empty receipt.Receipt // it has nothing that anybody could ask for
	at := time.Date(2026, 5, 12, 0, 0, 0, 0, time.UTC)
	if q := new(Query); !q.Matches(&empty, at) {
		t.Error("who asks for nothing is not shown everything")
	}
	for _, name := range Names() {
		value := values[name]
		if value == "" {
			value = "something"
		}
		var q Query
		if known, err := q.Set(name, value); !known || err != nil {
			t.Errorf("%s: %v, %v", name, known, err)
		}
		if q.Matches(&empty, at) {
			t.Errorf("%s=%s matches a receipt without", name, value)
		}
		if got := q.Values().Get(name); got == "" {
			t.Errorf("%s is lost", name)
		}
	}
}
