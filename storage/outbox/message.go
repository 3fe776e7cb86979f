package outbox

import (
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/armalo/receiptlog/storage/kv"
)

// Message is one that is to be told to one receiver. Kind and Subject tell it
// from all others of that receiver.
type Message struct {
	Kind    byte
	Subject uint64
	Until   uint64    // where it is about a range: its last subject; else 0
	Count   uint64    // how many it stands for, if more than itself; else 0
	At      time.Time // when it happened

	Attempts int    // how often it was tried in vain
	Reason   string // why, the last time: at most MaxReasonBytes
}

// MaxReasonBytes bounds Message.Reason; more is cut off.
const MaxReasonBytes = 160

// Row is a message in a queue.
type Row struct {
	Message
	When time.Time // when it is due, or, in the queue of the dead, died

	receiver uint32
	queue    byte
}

func (r *Row) key() []byte {
	return kv.OutboxMessageKey(r.queue, r.receiver, uint64(r.When.UnixNano()), r.Kind, r.Subject)
}

// A row's value is
//
//	u64 at nanos, u64 until, u64 count, u16 attempts, reason
const headBytes = 8 + 8 + 8 + 2

var errRow = errors.New("a message's row is damaged")

func (m *Message) marshal() []byte {
	v := make([]byte, 0, headBytes+len(m.Reason))
	v = binary.BigEndian.AppendUint64(v, uint64(m.At.UnixNano()))
	v = binary.BigEndian.AppendUint64(v, m.Until)
	v = binary.BigEndian.AppendUint64(v, m.Count)
	v = binary.BigEndian.AppendUint16(v, uint16(min(m.Attempts, 1<<16-1)))
	return append(v, cut(m.Reason)...)
}

// cut shortens a reason to what fits, at the end of a character.
func cut(reason string) string {
	if len(reason) <= MaxReasonBytes {
		return reason
	}
	end := MaxReasonBytes
	for end > 0 && !utf8.RuneStart(reason[end]) {
		end--
	}
	return reason[:end]
}

func parseRow(queue byte, receiver uint32, key, value []byte) (Row, error) {
	if len(key) != kv.OutboxMessageKeyLen || len(value) < headBytes || len(value) > headBytes+MaxReasonBytes {
		return Row{}, errRow
	}
	nanos, kind, subject := kv.OutboxMessageOf(key)
	return Row{
		Message: Message{
			Kind: kind, Subject: subject,
			At:       time.Unix(0, int64(binary.BigEndian.Uint64(value))).UTC(),
			Until:    binary.BigEndian.Uint64(value[8:]),
			Count:    binary.BigEndian.Uint64(value[16:]),
			Attempts: int(binary.BigEndian.Uint16(value[24:])),
			Reason:   string(value[headBytes:]),
		},
		When:     time.Unix(0, int64(nanos)).UTC(),
		receiver: receiver, queue: queue,
	}, nil
}
