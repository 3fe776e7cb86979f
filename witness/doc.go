// Package witness is a C2SP tlog-witness: it cosigns the checkpoints of logs
// that it has only ever seen grow.
//
// A log sends a new checkpoint and a proof that the tree it saw last is a prefix
// of the new one ([Witness.AddCheckpoint]). The witness checks the log's
// signature and the proof, records the checkpoint, and answers with its own
// signature lines. Whoever later holds a checkpoint with that line knows that
// the log has shown the witness no other history.
//
// The witness trusts its own keys, its disk and its clock. It does not trust a
// log, nor anybody who sends requests: those are bytes from a hostile network.
//
// # State
//
// Rows are kept by [cas.Store] under a kind and the SHA-256 of the origin in hex:
//
//	log/<hash>         the log's origin and keys, and whether it is served (logs.go)
//	checkpoint/<hash>  the latest cosigned checkpoint with its signatures (state.go)
//	fork/<hash>        two checkpoints that prove the log misbehaved (fork.go)
//
// Checkpoint rows are written by one function and deleted by none. Removing a
// log changes its log row only, so that adding it again goes on where it ended.
//
// # Invariant
//
// I8: a cosignature leaves only after the new state is durable, and old size and
// new state change in one step. AddCheckpoint checks the old size, signs and
// stores under the store's lock of that row, and the one row it writes holds the
// state and the signatures both. Readers of the row ([Witness.Latest]) wait for
// that lock, for what is being stored may be visible before it is durable.
//
// Requests for different origins run side by side and share syncs.
//
// A request that is refused is a [*RefusedError]. Every other error is the
// witness's own trouble. All methods may be called concurrently.
package witness
