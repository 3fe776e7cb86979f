package log

import (
	"errors"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/storage/index"
)

// View says which receipts somebody may see beside the public ones, which
// anybody may. The zero value is no others.
type View struct {
	All bool   // those of every organisation
	Org string // those of this one, by its name
}

// Shows reports whether a receipt may be seen.
func (v View) Shows(r *receipt.Receipt) bool {
	return v.All || r.Publishable() || v.Org != "" && r.Org() == v.Org
}

// sees returns [View.Shows] for receipts that have not been read.
func (l *Log) sees(v View) (func(index.Owner) bool, error) {
	if v.All {
		return func(index.Owner) bool { return true }, nil
	}
	if v.Org == "" {
		return func(o index.Owner) bool { return o.Public }, nil
	}
	handle, err := l.index.LookupHandle(v.Org)
	if errors.Is(err, index.ErrNotFound) {
		return func(o index.Owner) bool { return o.Public }, nil // it has no receipt yet
	}
	return func(o index.Owner) bool { return o.Public || o.Org == handle }, err
}
