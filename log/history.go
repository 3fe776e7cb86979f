package log

import (
	"errors"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// Kept is a checkpoint that was published once, with all cosignatures that were
// collected for it.
type Kept struct {
	Size   uint64
	At     time.Time // of its publication, by the log's clock, to the nanosecond
	Signed []byte    // the signed note; valid within the call only
}

// History calls visit for the checkpoints that were published and are kept, in order, from the
// first one of a tree of at least that size that was published later than after.
// It ends after the latest that may be seen, or when visit returns false.
func (l *Log) History(size uint64, after time.Time, visit func(Kept) bool) error {
	p := l.Published()
	if p == nil {
		return nil
	}
	lower, upper := kv.PublishedBounds(size, 0)
	if !after.IsZero() {
		lower = append(kv.PublishedKey(size, after.UnixNano()), 0)
	}
	err := l.db.Scan(lower, upper, func(key, signed []byte) error {
		at, nanos := kv.PublishedAt(key)
		// I4: what is just being made durable is not shown yet.
		if at > p.Size() || nanos > p.At.UnixNano() || !visit(Kept{Size: at, At: time.Unix(0, nanos).UTC(), Signed: signed}) {
			return errSeenEnough
		}
		return nil
	})
	if errors.Is(err, errSeenEnough) {
		return nil
	}
	return err
}

// errSeenEnough ends a scan.
var errSeenEnough = errors.New("seen enough")
