package kv

import "encoding/binary"

// The keys of what is to be told to receivers of messages (package outbox), all
// under one prefix.
//
//	prefix      then                                                   value
//	'l' 'r'     u32 receiver                                           what the caller notes of the receiver
//	'l' 'q'     u32 receiver, u64 due nanos, u8 kind, u64 subject      a message that is to be sent then
//	'l' 'd'     u32 receiver, u64 buried nanos, u8 kind, u64 subject   a message that could not be delivered
//	'l' 'm'     u32 receiver                                           u64 first, last, count, since: what found the queue full
//	'l' 'a'     name                                                   u64 nanos: an alarm that was told, since when
//	'l' 'n'     -                                                      u32: the receiver that was added last
const prefixOutbox = 'l'

// Queues of a receiver.
const (
	OutboxQueued = 'q'
	OutboxDead   = 'd'
)

// OutboxMessageKeyLen is the length of the keys that [OutboxMessageKey] makes.
const OutboxMessageKeyLen = 2 + 4 + 8 + 1 + 8

// OutboxMessageKey is where a message stands in a queue of a receiver.
func OutboxMessageKey(queue byte, receiver uint32, nanos uint64, kind byte, subject uint64) []byte {
	key := binary.BigEndian.AppendUint64(outboxKey(queue, receiver), nanos)
	return binary.BigEndian.AppendUint64(append(key, kind), subject)
}

// OutboxMessageOf is the inverse of [OutboxMessageKey].
func OutboxMessageOf(key []byte) (nanos uint64, kind byte, subject uint64) {
	return binary.BigEndian.Uint64(key[6:]), key[14], binary.BigEndian.Uint64(key[15:])
}

// OutboxQueueBounds returns the range of a queue of a receiver.
func OutboxQueueBounds(queue byte, receiver uint32) (lower, upper []byte) {
	lower = outboxKey(queue, receiver)
	return lower, Successor(lower)
}

// OutboxReceiverKey is where a receiver stands, and OutboxReceiver its inverse.
func OutboxReceiverKey(receiver uint32) []byte { return outboxKey('r', receiver) }

// OutboxReceiver is the inverse of [OutboxReceiverKey].
func OutboxReceiver(key []byte) uint32 { return binary.BigEndian.Uint32(key[2:]) }

// OutboxReceiverBounds returns the range of all receivers.
func OutboxReceiverBounds() (lower, upper []byte) {
	return []byte{prefixOutbox, 'r'}, []byte{prefixOutbox, 'r' + 1}
}

// OutboxMissedKey is where it is noted what a receiver's full queue did not take.
func OutboxMissedKey(receiver uint32) []byte { return outboxKey('m', receiver) }

// OutboxAlarmKey is where an alarm of that name stands while it lasts.
func OutboxAlarmKey(name string) []byte { return append([]byte{prefixOutbox, 'a'}, name...) }

// OutboxLastKey is where the number of the last receiver stands.
func OutboxLastKey() []byte { return []byte{prefixOutbox, 'n'} }

func outboxKey(what byte, receiver uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, OutboxMessageKeyLen), prefixOutbox, what), receiver)
}
