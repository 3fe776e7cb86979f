// Package period is ISO 8601 durations in calendar units, as retention rules
// speak of them: P6M, P10Y, P30D.
//
// A month is a calendar month and never 30 days, a year is twelve of them. Six
// months from 31 August end on 28 February: a day that the last month does not
// have becomes its last day. All arithmetic is in UTC, so no change of clocks
// makes a period longer in one place than in another.
//
// The package does no I/O and reads no clock. Errors are [*verdict.Error] with
// code malformed.
package period

import (
	"strconv"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// maxMonths bounds a period to a thousand years, so that no date that is
	// reckoned with it leaves the four digits of RFC 3339.
	maxMonths = 12 * 1000
	// maxDays is as long.
	maxDays = 366 * 1000
	// maxBytes bounds the text: four numbers of six digits and their letters.
	maxBytes = 32
)

// Period is a number of months and then a number of days. The zero Period
// lasts no time at all.
type Period struct {
	Months int // not negative
	Days   int // not negative
}

// Common periods.
var (
	SixMonths  = Period{Months: 6}   // AI Act, Articles 19(1) and 26(6): at least six months
	TenYears   = Period{Months: 120} // AI Act, Article 18: ten years
	ThirtyDays = Period{Days: 30}
)

// Parse reads a period in any ISO 8601 form without times of day: P1Y6M, P2W,
// P30D. Parts stand in the order years, months, weeks, days.
func Parse(s string) (Period, error) {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" || len(s) > maxBytes {
		return Period{}, malformed(s)
	}
	var p Period
	for _, unit := range []struct {
		letter string
		into   *int
		times  int
	}{{"Y", &p.Months, 12}, {"M", &p.Months, 1}, {"W", &p.Days, 7}, {"D", &p.Days, 1}} {
		digits, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, ok := parseNumber(digits)
		if !ok {
			return Period{}, malformed(s)
		}
		*unit.into += n * unit.times
		rest = after
	}
	if rest != "" || p.Months > maxMonths || p.Days > maxDays {
		return Period{}, malformed(s)
	}
	return p, nil
}

// parseNumber reads a decimal number of at most six digits without sign or
// leading zeroes.
func parseNumber(s string) (int, bool) {
	if s == "" || len(s) > 6 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func malformed(s string) error {
	if len(s) > maxBytes {
		s = s[:maxBytes] + "…"
	}
	return verdict.Errorf(verdict.Malformed, "", "%q is not an ISO 8601 period of years, months, weeks or days such as P6M", s)
}

// String returns the one canonical text of the period: years and months below
// twelve, then days. The zero Period is P0D.
func (p Period) String() string {
	dst := []byte{'P'}
	for _, part := range []struct {
		n      int
		letter byte
	}{{p.Months / 12, 'Y'}, {p.Months % 12, 'M'}, {p.Days, 'D'}} {
		if part.n > 0 {
			dst = append(strconv.AppendInt(dst, int64(part.n), 10), part.letter)
		}
	}
	if len(dst) == 1 {
		return "P0D"
	}
	return string(dst)
}

// IsZero reports whether the period lasts no time.
func (p Period) IsZero() bool { return p == Period{} }

// From returns when a period that begins at t ends, in UTC.
func (p Period) From(t time.Time) time.Time {
	t = t.UTC()
	year, month, day := t.Date()
	first := time.Date(year, month+time.Month(p.Months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1+p.Days)
}
