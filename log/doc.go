// Package log keeps a transparency log of signed build receipts. It minds the
// order of steps and nothing else: formats and their meaning are in client,
// bytes on disk are in storage, HTTP is in log/httpapi.
//
// The life of a receipt:
//
//	parse       client/receipt: strict, canonical, no signature looked at
//	admit       the issuer is one this log was configured with
//	recognise   the same receipt in flight, or logged before: join it (I2)
//	resolve     the issuer's DID document
//	verify      the receipt's signature by a key the document authorises
//	archive     the document, where new or changed, as an entry of its own
//	seal        salt, commitment, entry; the body under a key of its own
//	sequence    entry, body and index rows in one synced batch (I1)
//	publish     a signed checkpoint over it, durable before it is seen (I3, I4)
//	prove       bundle, passed through our own verifier (I10), then answered
//
// A receipt that failed before "sequence" has left no trace. One that got
// further is never taken back: who asks again gets the same index and a valid
// bundle.
//
// A [Log] is opened on a data directory that one process owns. All its methods
// may be called concurrently. Errors that are about what was submitted or asked
// for are *verdict.Error with a stable code; [ErrOverloaded], [ErrClosed] and
// [ErrFailed] are about the log itself. After a storage failure the log is
// failed for good ([Log.Failed]): it publishes and accepts nothing more, and
// the process should end rather than hope.
package log
