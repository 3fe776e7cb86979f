// Package webhook tells receivers what happens in a log: HTTP endpoints that
// somebody has registered, in the shape of Standard Webhooks, of a Slack incoming
// webhook, or of PagerDuty's Events API v2.
//
// # What a receiver can count on
//
//   - At least once. What there is to tell is written in the batch of what it
//     tells about (package outbox) and stays there until the receiver has answered
//     2xx. A message has the same webhook-id however often it is sent.
//   - Nothing too early. A message about an entry is sent once the entry is under
//     a published checkpoint, so that its proof can be had; one about an erasure
//     once key, salt and body are off the disk.
//   - No order. Messages carry the index of their entry and the time.
//   - What fails is tried again for three days, at growing intervals, and is dead
//     then: it is listed, and can be sent again.
//   - A receiver that takes nothing for so long that its queue is full misses
//     messages, and is told which entries they were about once there is room
//     (webhook.missed). The entries themselves are in the log.
//
// # What a receiver gets to know
//
// A receiver of an organisation gets what is about receipts of that organisation,
// and about the log as a whole. The queue holds indices and no text; a message is
// made from the receipt when it is sent. Of one that was erased meanwhile it says
// that it was erased, and its index (I7).
//
// # What a receiver cannot do
//
// Its URL was chosen by somebody, and it answers what it likes: see package
// outbound. Each has a worker, connections and a queue of its own, so that none
// waits for another. Answers are read up to 4 KiB and dropped; each attempt is over
// in 15 seconds. No receiver makes a submission wait: a receipt costs one small row
// for each receiver that wants to hear of it, and nothing where none does.
package webhook
