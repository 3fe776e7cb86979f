// Package audit follows a log and distrusts it.
//
// All that an [Auditor] trusts is a policy file: the log's keys, the witnesses'
// keys, and which quorum of them. From there it re-derives everything. It reads
// every entry and hashes it into the root that the quorum cosigned. It runs the
// machine of package retention over the entries, so that it knows which rules
// held when, what is owed, and what may be gone. It asks for every body that is
// owed, or for a random sample, opens the commitment with it and verifies the
// issuer's signature with the key as the log had archived it before. What is
// gone must have been erased lawfully; everything else is a [Finding] that
// names the entry. What could not be checked is counted as not checked.
//
// # What is kept
//
// A [Store] keeps two things between runs. The ledger holds 64 bytes for each
// entry: what a receipt was promised, and which erasure named it. The state is
// one small JSON file: the last verified checkpoint, the right edge of its tree,
// how far a run has come, and what was found. The ledger is written ahead, the
// state is replaced in one step, and what stands in the ledger beyond the
// state does not count. So a crash at any point skips no entry, and judges none
// twice.
//
// # What is bounded
//
// Entries and bodies are fetched side by side and taken in order, a bounded
// number ahead; the ledger is paged. Memory does not grow with the log, except
// for what governs it: rules, holds, erasures, issuers and organisations.
//
// An Auditor does one thing at a time. Bodies and checkpoints that it asks for
// tell the log who is being audited when; that is why [Options.Others] takes
// other views of the same log, and compares.
package audit
