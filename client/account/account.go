// Package account is what an auditor says of a log: the JSON that `receiptctl
// audit` writes. Package audit makes accounts, which takes a network; reports are
// made of them, which does not. An account is testimony of the auditor who made
// it: its checkpoints anybody can verify, and its counts another audit can
// repeat.
package account

import (
	"time"

	"github.com/armalo/receiptlog/client/retention"
)

// Account is what an auditor can say about a log after a run, and what a
// report is made of. It is derived from entries under the checkpoint To, and
// from bodies that were asked for between Began and Ended.
type Account struct {
	Origin string    `json:"origin"`
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`

	// From is the first checkpoint that this auditor ever verified, To the
	// last. Every one in between is consistent with both.
	From Seen `json:"from"`
	To   Seen `json:"to"`
	// Checkpoints are the ones verified over time, and those with their quorum that
	// the log keeps of its past and that hold; oldest first, thinned to one a day
	// once there are many.
	Checkpoints []Seen `json:"checkpoints"`

	// Kept is about the checkpoints that the log keeps of its past; absent where
	// it shows none.
	Kept *Kept `json:"kept,omitzero"`

	// Entries counts the entries by kind; what does not parse is "malformed".
	Entries map[string]uint64 `json:"entries"`
	// Bodies is the retention check over all organisations, Orgs by handle.
	Bodies Tally            `json:"bodies"`
	Orgs   map[string]Tally `json:"orgs"`
	// NotChecked says why, with numbers: see [ReasonPrivate] and the others.
	NotChecked map[string]uint64 `json:"notChecked"`
	// Sample is set where only a sample of bodies was asked for.
	Sample *Sample `json:"sample,omitzero"`

	Rules    []retention.Record `json:"rules"`    // every rules and hold entry, in order
	Erasures []Erased           `json:"erasures"` // every erasure entry, in order
	Issuers  []Issuer           `json:"issuers"`  // every issuer entry, in order

	Findings []Finding `json:"findings"`
	// Dropped counts findings beyond the number that is kept.
	Dropped uint64 `json:"droppedFindings,omitzero"`
	// Incomplete says what kept the run from its end, where something did: the
	// account is then of what was seen until there.
	Incomplete string `json:"incomplete,omitzero"`
}

// Reasons why a body was not checked.
const (
	ReasonPrivate     = "private"     // not public, and no key was shown that opens it
	ReasonUnreachable = "unreachable" // no answer came
	ReasonUnsampled   = "not in the sample"
	ReasonUnwanted    = "not asked for"
)

// Tally counts receipts by what became of their bodies. Receipts is the sum of
// all others but Owed and Late.
type Tally struct {
	Receipts   uint64 `json:"receipts"`
	Owed       uint64 `json:"owed"`             // promised beyond now and not lawfully erased
	Present    uint64 `json:"present"`          // shown, and what the entry commits to
	Lawful     uint64 `json:"erasedLawfully"`   // gone, by an erasure that was lawful
	Unlawful   uint64 `json:"erasedUnlawfully"` // gone, by an erasure that was not
	Missing    uint64 `json:"missing"`          // gone without an entry, or swapped
	NotChecked uint64 `json:"notChecked"`
	Late       uint64 `json:"late"` // of Present: erased on record and still there
}

// Add adds up.
func (t *Tally) Add(o Tally) {
	t.Receipts += o.Receipts
	t.Owed += o.Owed
	t.Present += o.Present
	t.Lawful += o.Lawful
	t.Unlawful += o.Unlawful
	t.Missing += o.Missing
	t.NotChecked += o.NotChecked
	t.Late += o.Late
}

// Seen is a checkpoint that was verified.
type Seen struct {
	Size   uint64    `json:"size"`
	Root   string    `json:"root"` // base64
	Signed string    `json:"signed"`
	First  time.Time `json:"first,omitzero"` // earliest cosignature
	Last   time.Time `json:"last,omitzero"`  // latest cosignature
	Quorum bool      `json:"quorum"`
	// Witnesses are those of the policy that cosigned it.
	Witnesses []string `json:"witnesses"`
}

// Kept is what was found of the checkpoints that a log published in the past and
// keeps, whether or not this auditor was there at the time.
type Kept struct {
	Checked  uint64 `json:"checked"`  // signed by the log, and of the tree that was verified
	Quorate  uint64 `json:"quorate"`  // of these, cosigned as the policy asks
	Complete bool   `json:"complete"` // all that the log showed were looked at

	// Size and At are of the last one looked at.
	Size uint64 `json:"size"`
	At   string `json:"at"`
}

// Clone returns a copy; that of nil is nil.
func (k *Kept) Clone() *Kept {
	if k == nil {
		return nil
	}
	c := *k
	return &c
}

// Erased is an erasure entry and what it did.
type Erased struct {
	Index  uint64    `json:"index"`
	At     time.Time `json:"at"`
	Org    string    `json:"org"`
	Count  uint64    `json:"count"`
	Basis  string    `json:"basis"`
	Legal  string    `json:"legal,omitzero"`
	Asked  string    `json:"asked"`
	Lawful bool      `json:"lawful"`
}

// Issuer is an issuer entry.
type Issuer struct {
	Index uint64    `json:"index"`
	DID   string    `json:"did"`
	At    time.Time `json:"at"`
	Keys  []string  `json:"keys"` // multikeys that may assert, sorted
}

// Sample says what a random sample of bodies stands for.
type Sample struct {
	Asked      uint64  `json:"asked"`
	Population uint64  `json:"population"` // receipts that no erasure names
	Confidence float64 `json:"confidence"` // as in 0.99
	// Below is the share of missing bodies that can be excluded with that
	// confidence if none of the sample was missing or not checked.
	Below float64 `json:"below"`
}

// Outcome is what a program makes its exit status of.
type Outcome int

const (
	Clean      Outcome = 0 // nothing found
	Found      Outcome = 1 // a breach was found
	CannotTell Outcome = 3 // nothing found, but not all could be looked at
)

// Outcome sums the account up. Bodies that are private and were not asked for
// with a key leave it clean: they are counted, and nobody claimed them fine.
func (a *Account) Outcome() Outcome {
	for _, f := range a.Findings {
		if f.Severity == Breach {
			return Found
		}
	}
	if a.Incomplete != "" || a.NotChecked[ReasonUnreachable] > 0 {
		return CannotTell
	}
	return Clean
}
