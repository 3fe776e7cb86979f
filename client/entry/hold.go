package entry

import (
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// What a hold entry does.
const (
	HoldPlaced = "placed"
	HoldLifted = "lifted"
)

// Hold is the entry that places a legal hold or lifts one. While a hold
// stands, nothing under it is erased. One that is placed covers a whole
// organisation, with all that it logs later, or ranges of entries, whoever
// they belong to:
//
//	{"action":"placed","asked":"general counsel","at":"2026-05-12T10:00:02Z",
//	 "basis":"litigation 7 O 112/26","kind":"hold","org":"<32 hex digits>"}
//
//	{"action":"lifted","asked":"general counsel","at":"2026-11-02T09:00:00Z",
//	 "basis":"settled","kind":"hold","lifts":4711}
type Hold struct {
	Action string
	Org    string  // of HoldPlaced: the organisation's handle, or
	Ranges []Range // the entries under it
	Lifts  *uint64 // of HoldLifted: the entry that placed the hold
	Basis  string  // why
	Asked  string  // who asked for it: an office, not a person's name
	At     time.Time
}

// Kind returns [KindHold].
func (Hold) Kind() string { return KindHold }

// Marshal returns the canonical entry.
func (h Hold) Marshal() []byte {
	dst := make([]byte, 0, 256+rangeBytes*len(h.Ranges))
	dst = appendMember(dst, '{', "action", h.Action)
	dst = appendMember(dst, ',', "asked", h.Asked)
	dst = appendMember(dst, ',', "at", FormatTime(h.At))
	dst = appendMember(dst, ',', "basis", h.Basis)
	dst = appendMember(dst, ',', "kind", KindHold)
	if h.Lifts != nil {
		dst = append(dst, `,"lifts":`...)
		dst = strconv.AppendUint(dst, *h.Lifts, 10)
	}
	if h.Org != "" {
		dst = appendMember(dst, ',', "org", h.Org)
	}
	if h.Ranges != nil {
		dst = appendRanges(append(dst, `,"ranges":`...), h.Ranges)
	}
	return append(dst, '}')
}

func parseHold(data []byte) (Hold, error) {
	var wire struct {
		Action string     `json:"action"`
		Asked  string     `json:"asked"`
		At     string     `json:"at"`
		Basis  string     `json:"basis"`
		Kind   string     `json:"kind"`
		Lifts  *uint64    `json:"lifts"`
		Org    string     `json:"org"`
		Ranges [][]uint64 `json:"ranges"`
	}
	if err := unmarshalStrict(data, &wire); err != nil {
		return Hold{}, err
	}
	h := Hold{Action: wire.Action, Asked: wire.Asked, Basis: wire.Basis, Lifts: wire.Lifts, Org: wire.Org}
	var err error
	if h.At, err = parseTime("entry.at", wire.At); err != nil {
		return Hold{}, err
	}
	if wire.Ranges != nil {
		if h.Ranges, err = parseRanges(wire.Ranges); err != nil {
			return Hold{}, err
		}
	}
	return h, h.Check()
}

// Check is like [Rules.Check].
func (h Hold) Check() error {
	switch h.Action {
	case HoldPlaced:
		if (h.Org == "") == (h.Ranges == nil) || h.Lifts != nil {
			return verdict.Errorf(verdict.Malformed, "entry", "a hold is placed on an organisation or on ranges, one of the two")
		}
	case HoldLifted:
		if h.Lifts == nil || h.Org != "" || h.Ranges != nil {
			return verdict.Errorf(verdict.Malformed, "entry.lifts", "a hold is lifted by naming the entry that placed it, and nothing else")
		}
		if *h.Lifts > maxIndex {
			return verdict.Errorf(verdict.Malformed, "entry.lifts", "is larger than any index")
		}
	default:
		return verdict.Errorf(verdict.Malformed, "entry.action", "must be placed or lifted")
	}
	if h.Org != "" {
		if err := checkHandle(h.Org); err != nil {
			return err
		}
	}
	if h.Ranges != nil {
		if err := checkRanges(h.Ranges); err != nil {
			return err
		}
	}
	if err := checkText("entry.basis", h.Basis); err != nil {
		return err
	}
	return checkText("entry.asked", h.Asked)
}
