package entry

import (
	"time"

	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
)

// The classes of retention rules.
const (
	ClassIndefinite    = "indefinite"    // kept without end; the default
	ClassLog           = "log"           // six calendar months from logging
	ClassDocumentation = "documentation" // ten years from an event such as placing on the market
	ClassPeriod        = "period"        // a period of one's own from logging
)

// What receipts rules apply to.
const (
	AppliesLater = "later" // those logged after the rules
	AppliesAll   = "all"   // also those logged before, after the notice period
)

// Rules is the entry by which an organisation says how long its receipts are
// kept. It counts from its place in the log on:
//
//	{"applies":"all","asked":"acme records office","at":"2026-05-12T10:00:02Z",
//	 "class":"period","floor":"P6M","kind":"rules","notice":"P30D",
//	 "org":"<32 hex digits>","period":"P2Y"}
type Rules struct {
	Org     string         // the organisation's handle
	Class   string         // one of the classes
	Period  *period.Period // of ClassPeriod, and of no other
	Event   string         // of ClassDocumentation: the date, as in 2027-01-31; "" where each receipt gives its own
	Applies string         // AppliesLater or AppliesAll
	Notice  period.Period  // how long a shortening waits before it touches earlier receipts
	Floor   period.Period  // the operator's minimum when the rules were accepted
	Asked   string         // who asked for them: an office, not a person's name
	At      time.Time      // by the log's clock, in whole seconds UTC
}

// Kind returns [KindRules].
func (Rules) Kind() string { return KindRules }

// Marshal returns the canonical entry.
func (r Rules) Marshal() []byte {
	dst := make([]byte, 0, 384)
	dst = appendMember(dst, '{', "applies", r.Applies)
	dst = appendMember(dst, ',', "asked", r.Asked)
	dst = appendMember(dst, ',', "at", FormatTime(r.At))
	dst = appendMember(dst, ',', "class", r.Class)
	if r.Event != "" {
		dst = appendMember(dst, ',', "event", r.Event)
	}
	dst = appendMember(dst, ',', "floor", r.Floor.String())
	dst = appendMember(dst, ',', "kind", KindRules)
	dst = appendMember(dst, ',', "notice", r.Notice.String())
	dst = appendMember(dst, ',', "org", r.Org)
	if r.Period != nil {
		dst = appendMember(dst, ',', "period", r.Period.String())
	}
	return append(dst, '}')
}

func parseRules(data []byte) (Rules, error) {
	var wire struct {
		Applies string `json:"applies"`
		Asked   string `json:"asked"`
		At      string `json:"at"`
		Class   string `json:"class"`
		Event   string `json:"event"`
		Floor   string `json:"floor"`
		Kind    string `json:"kind"`
		Notice  string `json:"notice"`
		Org     string `json:"org"`
		Period  string `json:"period"`
	}
	if err := unmarshalStrict(data, &wire); err != nil {
		return Rules{}, err
	}
	r := Rules{Org: wire.Org, Class: wire.Class, Event: wire.Event, Applies: wire.Applies, Asked: wire.Asked}
	var err error
	if r.At, err = parseTime("entry.at", wire.At); err != nil {
		return Rules{}, err
	}
	if r.Notice, err = parsePeriod("entry.notice", wire.Notice); err != nil {
		return Rules{}, err
	}
	if r.Floor, err = parsePeriod("entry.floor", wire.Floor); err != nil {
		return Rules{}, err
	}
	if wire.Period != "" {
		p, err := parsePeriod("entry.period", wire.Period)
		if err != nil {
			return Rules{}, err
		}
		r.Period = &p
	}
	return r, r.Check()
}

// Check holds that the members are of the form that [Parse] accepts, for
// whoever makes an entry from what somebody asked for. Its code is malformed.
func (r Rules) Check() error {
	if err := checkHandle(r.Org); err != nil {
		return err
	}
	switch r.Class {
	case ClassIndefinite, ClassLog, ClassDocumentation, ClassPeriod:
	default:
		return verdict.Errorf(verdict.Malformed, "entry.class", "must be indefinite, log, documentation or period")
	}
	if (r.Class == ClassPeriod) != (r.Period != nil) {
		return verdict.Errorf(verdict.Malformed, "entry.period", "belongs to the class period and to no other")
	}
	if r.Event != "" && r.Class != ClassDocumentation {
		return verdict.Errorf(verdict.Malformed, "entry.event", "belongs to the class documentation and to no other")
	}
	if _, err := ParseDate(r.Event); r.Event != "" && err != nil {
		return verdict.Errorf(verdict.Malformed, "entry.event", "must be a date such as 2027-01-31")
	}
	if r.Applies != AppliesLater && r.Applies != AppliesAll {
		return verdict.Errorf(verdict.Malformed, "entry.applies", "must be later or all")
	}
	return checkText("entry.asked", r.Asked)
}

// parsePeriod reads a period; that it is canonical, Parse finds by comparing
// bytes.
func parsePeriod(path, s string) (period.Period, error) {
	p, err := period.Parse(s)
	if err != nil {
		return p, verdict.Errorf(verdict.Malformed, path, "must be an ISO 8601 period such as P6M")
	}
	return p, nil
}

// ParseDate reads a date such as 2027-01-31 as the moment it begins, in UTC.
func ParseDate(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Format(time.DateOnly) != s {
		return time.Time{}, verdict.Errorf(verdict.Malformed, "", "%q is not a date such as 2027-01-31", clip(s))
	}
	return t, nil
}
