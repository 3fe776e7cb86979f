package period

import (
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"P6M": "P6M", "P12M": "P1Y", "P18M": "P1Y6M", "P2W": "P14D", "P1Y2M3W4D": "P1Y2M25D",
		"P30D": "P30D", "P0D": "P0D", "P10Y": "P10Y", "P0Y6M": "P6M",
	} {
		p, err := Parse(text)
		if err != nil || p.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", text, p, err, want)
		}
	}
	for _, text := range []string{"", "P", "6M", "P6", "PM", "P-6M", "P+6M", "P06M", "P6M1Y", "PT6M", "P6MT1H", "P1.5Y", "P1Y1Y", "p6m", "P6m", " P6M", "P6M ", "P9999Y", "P1234567D", "P٦M"} {
		if p, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v, want it refused", text, p)
		} else if verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("Parse(%q): %v has no code", text, err)
		}
	}
}

func TestFrom(t *testing.T) {
	for _, tt := range []struct{ from, period, want string }{
		{"2026-01-15T10:00:00Z", "P6M", "2026-07-15T10:00:00Z"},
		{"2026-08-31T23:59:59Z", "P6M", "2027-02-28T23:59:59Z"},
		{"2027-08-31T00:00:00Z", "P6M", "2028-02-29T00:00:00Z"},
		{"2028-02-29T12:00:00Z", "P1Y", "2029-02-28T12:00:00Z"},
		{"2028-02-29T12:00:00Z", "P4Y", "2032-02-29T12:00:00Z"},
		{"2026-01-31T00:00:00Z", "P1M", "2026-02-28T00:00:00Z"},
		{"2026-01-31T00:00:00Z", "P1M1D", "2026-03-01T00:00:00Z"},
		{"2026-03-01T00:00:00Z", "P30D", "2026-03-31T00:00:00Z"},
		{"2026-12-31T00:00:00Z", "P2M", "2027-02-28T00:00:00Z"},
		{"2026-06-01T00:30:00+02:00", "P1M", "2026-06-30T22:30:00Z"},
		{"2026-06-01T00:00:00Z", "P0D", "2026-06-01T00:00:00Z"},
		{"2026-06-01T00:00:00Z", "P10Y", "2036-06-01T00:00:00Z"},
	} {
		from, err := time.Parse(time.RFC3339, tt.from)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(tt.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.From(from).Format(time.RFC3339); got != tt.want {
			t.Errorf("%s from %s is %s, want %s", tt.period, tt.from, got, tt.want)
		}
	}
}

func TestAtLeast(t *testing.T) {
	for _, tt := range []struct {
		p, q string
		want bool
	}{
		{"P6M", "P6M", true}, {"P1Y", "P6M", true}, {"P5M", "P6M", false},
		{"P180D", "P6M", false}, {"P183D", "P6M", false}, {"P184D", "P6M", true},
		{"P6M", "P181D", true}, {"P6M", "P182D", false},
		{"P5M31D", "P6M", true}, {"P5M30D", "P6M", false},
		{"P1M", "P28D", true}, {"P1M", "P29D", false},
		{"P0D", "P0D", true}, {"P0D", "P1D", false},
		{"P1Y", "P365D", true}, {"P1Y", "P366D", false}, {"P366D", "P1Y", true}, {"P365D", "P1Y", false},
		{"P400Y", "P146097D", true}, {"P400Y", "P146098D", false},
	} {
		p, _ := Parse(tt.p)
		q, _ := Parse(tt.q)
		if got := p.AtLeast(q); got != tt.want {
			t.Errorf("%s at least %s: %v, want %v", tt.p, tt.q, got, tt.want)
		}
	}
}

// TestAtLeastHoldsOnEveryDay compares the claim with the calendar itself.
func TestAtLeastHoldsOnEveryDay(t *testing.T) {
	periods := []Period{{6, 0}, {0, 181}, {0, 184}, {5, 31}, {7, 0}, {12, 0}, {0, 365}, {1, 150}}
	for _, p := range periods {
		for _, q := range periods {
			always := true
			for day := range 4 * 366 {
				at := time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC)
				always = always && !p.From(at).Before(q.From(at))
			}
			if p.AtLeast(q) && !always {
				t.Errorf("%s is said to be at least %s and is not", p, q)
			}
			// P365D and P1Y differ only in spans with a 29 February, which four
			// years have; nothing here needs a longer cycle.
			if !p.AtLeast(q) && always {
				t.Errorf("%s is said not to be at least %s and always is", p, q)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"P6M", "P1Y2M3W4D", "P", "P06M", "PT1S", "P1000Y", "P366000D", "P6M "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(p.String())
		if err != nil || again != p {
			t.Fatalf("%q is %v, which reads as %v (%v)", s, p, again, err)
		}
		at := time.Date(2026, 8, 31, 1, 2, 3, 0, time.UTC)
		if end := p.From(at); end.Before(at) || end.Year() > 9999 {
			t.Fatalf("%q from %v ends at %v", s, at, end)
		}
	})
}
