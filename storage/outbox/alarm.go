package outbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// Alarm returns since when an alarm of that name lasts that was told; the zero
// time if none does. Who tells that it began or ended notes so in the same batch.
func Alarm(db *kv.DB, name string) (since time.Time, err error) {
	value, err := db.Get(kv.OutboxAlarmKey(name))
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return time.Time{}, nil
	case err != nil:
		return since, fmt.Errorf("look up alarm: %w", err)
	case len(value) != 8:
		return since, errRow
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(value))).UTC(), nil
}

// Began notes in b that an alarm began.
func Began(b *kv.Batch, name string, since time.Time) {
	b.Set(kv.OutboxAlarmKey(name), binary.BigEndian.AppendUint64(nil, uint64(since.UnixNano())))
}

// Ended notes in b that it ended.
func Ended(b *kv.Batch, name string) { b.Delete(kv.OutboxAlarmKey(name)) }
