package entry

import (
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// On what grounds bodies are erased.
const (
	BasisExpired = "expired" // the retention period ran out
	BasisRequest = "request" // somebody asked, on a legal basis
)

// MaxErasureSpan bounds how many entries the ranges of one erasure span, so
// that judging one costs a bounded number of look-ups.
const MaxErasureSpan = 1 << 16

// Erasure is the entry that destroys the bodies of receipts. It stands in the
// log before any of them is touched (I6). It means those receipts of the
// organisation that lie in the ranges and were not erased before; count says
// how many that are.
//
//	{"asked":"retention sweep","at":"2026-11-12T10:00:02Z","basis":"expired",
//	 "count":3,"kind":"erasure","org":"<32 hex digits>","ranges":[[12,12],[40,99]],"rules":7}
//
//	{"asked":"data protection officer, case 31","at":"2026-06-01T08:00:00Z","basis":"request",
//	 "count":1,"kind":"erasure","legal":"GDPR Article 17(1)(b)","org":"<32 hex digits>","ranges":[[12,12]]}
type Erasure struct {
	Org    string // the organisation's handle
	Ranges []Range
	Count  uint64  // how many bodies it destroys
	Basis  string  // BasisExpired or BasisRequest
	Legal  string  // of BasisRequest: the legal basis
	Rules  *uint64 // the organisation's latest rules entry; nil where it never made any
	Asked  string  // who asked: an office or a case, not a person's name
	At     time.Time
}

// Kind returns [KindErasure].
func (Erasure) Kind() string { return KindErasure }

// Marshal returns the canonical entry.
func (e Erasure) Marshal() []byte {
	dst := make([]byte, 0, 256+rangeBytes*len(e.Ranges))
	dst = appendMember(dst, '{', "asked", e.Asked)
	dst = appendMember(dst, ',', "at", FormatTime(e.At))
	dst = appendMember(dst, ',', "basis", e.Basis)
	dst = append(dst, `,"count":`...)
	dst = strconv.AppendUint(dst, e.Count, 10)
	dst = appendMember(dst, ',', "kind", KindErasure)
	if e.Legal != "" {
		dst = appendMember(dst, ',', "legal", e.Legal)
	}
	dst = appendMember(dst, ',', "org", e.Org)
	dst = appendRanges(append(dst, `,"ranges":`...), e.Ranges)
	if e.Rules != nil {
		dst = append(dst, `,"rules":`...)
		dst = strconv.AppendUint(dst, *e.Rules, 10)
	}
	return append(dst, '}')
}

func parseErasure(data []byte) (Erasure, error) {
	var wire struct {
		Asked  string     `json:"asked"`
		At     string     `json:"at"`
		Basis  string     `json:"basis"`
		Count  uint64     `json:"count"`
		Kind   string     `json:"kind"`
		Legal  string     `json:"legal"`
		Org    string     `json:"org"`
		Ranges [][]uint64 `json:"ranges"`
		Rules  *uint64    `json:"rules"`
	}
	if err := unmarshalStrict(data, &wire); err != nil {
		return Erasure{}, err
	}
	e := Erasure{Asked: wire.Asked, Basis: wire.Basis, Count: wire.Count, Legal: wire.Legal, Org: wire.Org, Rules: wire.Rules}
	var err error
	if e.At, err = parseTime("entry.at", wire.At); err != nil {
		return Erasure{}, err
	}
	if e.Ranges, err = parseRanges(wire.Ranges); err != nil {
		return Erasure{}, err
	}
	return e, e.Check()
}

// Check is like [Rules.Check].
func (e Erasure) Check() error {
	if err := checkHandle(e.Org); err != nil {
		return err
	}
	if err := checkRanges(e.Ranges); err != nil {
		return err
	}
	span := uint64(0)
	for _, r := range e.Ranges {
		span += r.Last - r.First + 1
		if span > MaxErasureSpan {
			return verdict.Errorf(verdict.Malformed, "entry.ranges", "span more than %d entries", MaxErasureSpan)
		}
	}
	if e.Count == 0 || e.Count > span {
		return verdict.Errorf(verdict.Malformed, "entry.count", "must be between 1 and the %d entries that the ranges span", span)
	}
	if e.Rules != nil && *e.Rules > maxIndex {
		return verdict.Errorf(verdict.Malformed, "entry.rules", "is larger than any index")
	}
	switch {
	case e.Basis == BasisRequest:
		if err := checkText("entry.legal", e.Legal); err != nil {
			return err
		}
	case e.Basis != BasisExpired:
		return verdict.Errorf(verdict.Malformed, "entry.basis", "must be expired or request")
	case e.Legal != "":
		return verdict.Errorf(verdict.Malformed, "entry.legal", "belongs to the basis request and to no other")
	}
	return checkText("entry.asked", e.Asked)
}
