package postings

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// Logged is what the log says of a leaf: nothing that its entry does not show to
// everybody.
type Logged struct {
	At         int64 // when, in unix seconds
	Commitment [32]byte
}

func (l Logged) marshal() []byte {
	row := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(l.Commitment)), uint64(l.At))
	return append(row, l.Commitment[:]...)
}

func parseLogged(row []byte) (l Logged, err error) {
	if len(row) != 8+len(l.Commitment) {
		return l, errRow
	}
	l.At = int64(binary.BigEndian.Uint64(row))
	copy(l.Commitment[:], row[8:])
	return l, nil
}

// Logged returns what the log says of a leaf in the lists. ok is false for a leaf
// that is not in them, or was removed.
func (p *Postings) Logged(leaf uint64) (l Logged, ok bool, err error) {
	row, err := p.db.Get(kv.LoggedKey(leaf))
	if errors.Is(err, kv.ErrNotFound) {
		return l, false, nil
	}
	if err == nil {
		l, err = parseLogged(row)
	}
	if err != nil {
		return l, false, fmt.Errorf("look up leaf %d: %w", leaf, err)
	}
	return l, true, nil
}

// EachLogged calls visit for every leaf in the lists, in order, until visit
// returns an error, which EachLogged then returns.
func (p *Postings) EachLogged(visit func(leaf uint64, l Logged) error) error {
	lower, upper := kv.LoggedBounds()
	err := p.db.Scan(lower, upper, func(key, value []byte) error {
		l, err := parseLogged(value)
		if err != nil {
			return err
		}
		return visit(kv.KeyIndex(key), l)
	})
	if err != nil {
		return fmt.Errorf("read what is listed: %w", err)
	}
	return nil
}
