package eddsa

import (
	"sync"

	"filippo.io/edwards25519"
)

// A window is how many bits of a scalar make one digit. Wider ones mean fewer
// additions and larger tables: 51 additions and 130 KB for each key, 32 and
// 650 KB for the base point, of which there is one.
const (
	keyWindow  = 5
	baseWindow = 8
)

// scalarBits is the length of a scalar: the order of the group is a little above
// 2^252.
const scalarBits = 253

// table holds, for digit i of a scalar, the multiples 1 to 2^(window-1) of
// 2^(i*window) times a point. Digits are signed, which saves half of them.
type table struct {
	window uint
	rows   [][]edwards25519.Point
}

func newTable(p *edwards25519.Point, window uint) *table {
	// One bit more than a scalar has, for the carry of signed digits.
	t := &table{window: window, rows: make([][]edwards25519.Point, (scalarBits+window)/window)}
	unit := new(edwards25519.Point).Set(p)
	for i := range t.rows {
		row := make([]edwards25519.Point, 1<<(window-1))
		row[0].Set(unit)
		for j := 1; j < len(row); j++ {
			row[j].Add(&row[j-1], unit)
		}
		last := &row[len(row)-1]
		unit.Add(last, last)
		t.rows[i] = row
	}
	return t
}

// add adds the multiple of the table's point by s to sum.
func (t *table) add(sum *edwards25519.Point, s *edwards25519.Scalar) {
	bits := s.Bytes()
	carry := 0
	for i, row := range t.rows {
		digit := bitsAt(bits, uint(i)*t.window, t.window) + carry
		carry = 0
		if digit > len(row) {
			digit, carry = digit-2*len(row), 1
		}
		switch {
		case digit > 0:
			sum.Add(sum, &row[digit-1])
		case digit < 0:
			sum.Subtract(sum, &row[-digit-1])
		}
	}
}

// bitsAt returns n bits of a little-endian number, at most 8, from bit number
// from on. Beyond the end there are zeros.
func bitsAt(number []byte, from, n uint) int {
	at := from / 8
	var two uint
	if at < uint(len(number)) {
		two = uint(number[at])
	}
	if at+1 < uint(len(number)) {
		two |= uint(number[at+1]) << 8
	}
	return int(two >> (from % 8) & (1<<n - 1))
}

// baseTable returns the table of the base point, made when it is first needed.
var baseTable = sync.OnceValue(func() *table {
	return newTable(edwards25519.NewGeneratorPoint(), baseWindow)
})
