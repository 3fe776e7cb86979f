package retention

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
)

// Snapshot is a [State] in a form that can be written as JSON: the entries that
// made it, each with what was known about its time.
type Snapshot struct {
	Latest  time.Time `json:"latest"`
	Records []Record  `json:"records"`
}

// Record is one rules or hold entry of a snapshot.
type Record struct {
	Index uint64         `json:"index"`
	Since time.Time      `json:"since,omitzero"`
	Entry jsontext.Value `json:"entry"`
}

// Snapshot returns the state as it is now.
func (s *State) Snapshot() Snapshot {
	snapshot := Snapshot{Latest: s.latest}
	for _, r := range s.Rulings() {
		snapshot.Records = append(snapshot.Records, Record{Index: r.Index, Since: r.Since, Entry: r.Rules.Marshal()})
	}
	for _, h := range s.holds {
		snapshot.Records = append(snapshot.Records, Record{Index: h.Index, Entry: h.Hold.Marshal()})
		if h.Lift != nil {
			snapshot.Records = append(snapshot.Records, Record{Index: h.Lifted, Entry: h.Lift.Marshal()})
		}
	}
	slices.SortFunc(snapshot.Records, func(a, b Record) int { return compare(a.Index, b.Index) })
	return snapshot
}

// Restore returns the state that a snapshot was taken of.
func Restore(terms Terms, snapshot Snapshot) (*State, error) {
	s := New(terms)
	for _, r := range snapshot.Records {
		e, err := entry.Parse(r.Entry)
		if err != nil {
			return nil, fmt.Errorf("restore entry %d: %w", r.Index, err)
		}
		switch e := e.(type) {
		case entry.Rules:
			s.rulings[e.Org] = append(s.rulings[e.Org], Ruling{Index: r.Index, Rules: e, Since: r.Since})
		case entry.Hold:
			if b, ok := s.applyHold(r.Index, e); !ok {
				return nil, fmt.Errorf("restore entry %d: %w", r.Index, b)
			}
		default:
			return nil, fmt.Errorf("restore entry %d: it is of kind %s", r.Index, e.Kind())
		}
	}
	s.latest = snapshot.Latest
	return s, nil
}
