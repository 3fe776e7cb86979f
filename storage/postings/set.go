package postings

import (
	"errors"
	"slices"

	"github.com/armalo/receiptlog/storage/kv"
)

// State says what a [Set] found.
type State int

// What a set found.
const (
	None  State = iota // there is none
	Found              // there is this one
	Spent              // there is none above this one; the budget ended here
)

// Set is a set of leaves, asked from the newest down: leaves asked for must not
// ascend. It is for one goroutine.
type Set interface {
	// Seek returns the greatest leaf of the set that is not greater than at. A
	// set whose budget ends before it knows says Spent, with the leaf at which
	// somebody else may go on.
	Seek(at uint64) (leaf uint64, state State, err error)
	// Close releases what the set holds of the database.
	Close() error
}

// Budget bounds how many rows and steps the sets that share it may take, so that
// one question cannot keep the log busy.
type Budget struct{ Left int }

func (b *Budget) take() bool {
	b.Left--
	return b.Left >= 0
}

// List returns the leaves that have a term, as of now.
func (p *Postings) List(text []byte, budget *Budget) (Set, error) {
	term := p.Term(text)
	lower, upper := kv.PostingBounds(term)
	c, err := p.db.NewCursor(lower, upper)
	if err != nil {
		return nil, err
	}
	return &list{term: term, cursor: c, budget: budget}, nil
}

type list struct {
	term   Term
	cursor *kv.Cursor
	budget *Budget
	row    []uint64 // the row looked at last
}

// Seek implements Set.
func (l *list) Seek(at uint64) (uint64, State, error) {
	if !l.budget.take() {
		return at, Spent, nil
	}
	if len(l.row) == 0 || l.row[0] > at {
		key, value, err := l.cursor.Seek(kv.PostingKey(l.term, at))
		if err != nil {
			return 0, None, err
		}
		if key == nil {
			return 0, None, nil
		}
		if l.row, err = appendLeaves(l.row[:0], kv.PostingFirst(key), value); err != nil {
			return 0, None, err
		}
	}
	i, is := slices.BinarySearch(l.row, at)
	if is {
		return at, Found, nil
	}
	return l.row[i-1], Found, nil // the first is not greater than at
}

// Close implements Set.
func (l *list) Close() error { return l.cursor.Close() }

// Union returns the leaves that are in any of the sets, which it closes.
func Union(sets ...Set) Set {
	if len(sets) == 1 {
		return sets[0]
	}
	return &union{sets: sets, last: make([]answer, len(sets))}
}

type union struct {
	sets []Set
	last []answer // of each set
}

type answer struct {
	leaf  uint64
	state State
	asked bool
}

// Seek implements Set.
func (u *union) Seek(at uint64) (uint64, State, error) {
	var best answer
	for i, s := range u.sets {
		a := &u.last[i]
		if !a.asked || a.state != None && (a.leaf > at || a.state == Spent) {
			var err error
			if a.leaf, a.state, err = s.Seek(at); err != nil {
				return 0, None, err
			}
			a.asked = true
		}
		// Of two at one leaf the one that knows counts.
		if a.state != None && (best.state == None || a.leaf > best.leaf || a.leaf == best.leaf && a.state == Found) {
			best = *a
		}
	}
	return best.leaf, best.state, nil
}

// Close implements Set.
func (u *union) Close() error { return closeAll(u.sets) }

// Intersection returns the leaves that are in all of the sets, which it closes.
// There must be at least one.
func Intersection(budget *Budget, sets ...Set) Set {
	if len(sets) == 1 {
		return sets[0]
	}
	return &intersection{sets, make([]uint64, len(sets)), budget}
}

type intersection struct {
	sets    []Set
	lowered []uint64 // by how much each lowered the leaf of late
	budget  *Budget
}

// Seek implements Set. The sets lower the leaf until all agree. Whenever one does,
// the first is asked again, and sets that lower it by much move to the front: so
// those that have most leaves are asked about few, and it takes as many rounds as the
// smallest set has leaves on the way.
func (x *intersection) Seek(at uint64) (uint64, State, error) {
	for i := 0; i < len(x.sets); {
		if !x.budget.take() {
			return at, Spent, nil
		}
		leaf, state, err := x.sets[i].Seek(at)
		switch {
		case err != nil || state == None:
			return 0, None, err
		case state == Spent:
			return leaf, Spent, nil
		case leaf == at:
			i++
		default:
			x.rank(i, at-leaf)
			if at = leaf; i > 0 {
				i = 0
			} else {
				i = 1
			}
		}
	}
	return at, Found, nil
}

// rank notes that a set lowered the leaf, and moves it ahead of the one before it
// where it does so by more.
func (x *intersection) rank(i int, by uint64) {
	x.lowered[i] = x.lowered[i]/4*3 + by/4
	if i > 0 && x.lowered[i] > x.lowered[i-1] {
		x.sets[i], x.sets[i-1] = x.sets[i-1], x.sets[i]
		x.lowered[i], x.lowered[i-1] = x.lowered[i-1], x.lowered[i]
	}
}

// Close implements Set.
func (x *intersection) Close() error { return closeAll(x.sets) }

func closeAll(sets []Set) (err error) {
	for _, s := range sets {
		err = errors.Join(err, s.Close())
	}
	return err
}
