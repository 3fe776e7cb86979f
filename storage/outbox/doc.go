// Package outbox keeps messages that are to be told to receivers, each at least
// once, across crashes.
//
// A message is written in the batch of what it tells about, so that it is there
// if and only if that is, and stays until it was delivered, or was tried often
// enough and is dead. Whoever delivers takes it off only afterwards and does not
// wait for the disk: a crash between the two has it told again, under the same
// kind and subject, by which a receiver knows it.
//
// A message holds no text of what it is about: a kind and a number, such as the
// index of an entry. So nothing has to be looked for here when something is
// erased (I7).
//
// Each receiver has a queue of its own, so that none waits for another. A queue
// holds at most Options.Queue messages. What finds it full is not queued; that it
// was missed is counted, durably, from the first subject to the last, and is for
// the sender to tell as soon as there is room again ([Box.Missed], [Box.Own]). Of
// the dead, the oldest make room for new ones.
//
// What kinds mean, and what is noted of a receiver, only the caller knows. All
// methods of a [Box] may be called concurrently.
package outbox
