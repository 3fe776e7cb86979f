// Package cosign asks the witnesses of a policy to cosign a log's checkpoints,
// over C2SP tlog-witness.
//
// [Cosigner.Cosign] asks all of them side by side and returns the checkpoint with
// their cosignatures as soon as the quorum stands. Who answers later is not waited
// for: what they answer is handed to [Options.Late]. One slow or dead witness thus
// costs nothing while the quorum stands. Without a quorum Cosign fails, and
// nothing is to be published ([Options.FailOpen] is for those who want otherwise).
//
// Witnesses are not trusted. A reply is bounded in length and time, redirects are
// not followed, and a signature line is kept only if it verifies under a key that
// the policy lists for that very witness and is stamped with about our time. What
// a witness says without a signature, such as the size in a 409, steers the next
// request and no more.
//
// [Cosigner.Compare] asks the other way round, before anything of a log that was
// started leaves it: does any witness remember more of this log than the log
// itself (I5)?
//
// A witness with several keys stands on several lines of the policy with one URL;
// it is asked once. Lines without URL are not asked.
//
// All methods may be called concurrently. Cosign is meant for one caller at a
// time: a witness that is still busy with an older checkpoint is given the newest
// one next.
package cosign
