package webhook

import "time"

// Message is the body of a message of the log, as JSON.
type Message struct {
	// Type says what happened: receipt.logged, build/project.run.completed,
	// gate.denied, jury.block, eval.failed, erasure.done, checkpoint.stale and
	// checkpoint.fresh, quorum.lost and quorum.regained, webhook.missed,
	// webhook.test.
	Type string `json:"type"`
	// Timestamp is when it happened, by the log's clock.
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data is what is told. Members that have nothing to say are left out.
type Data struct {
	// Log is the log's origin.
	Log string `json:"log"`
	// Index is that of the entry in the log which it is about.
	Index *uint64 `json:"index,omitzero"`

	// Of a receipt.
	RunID       string   `json:"runId,omitzero"`
	Org         string   `json:"org,omitzero"`
	Project     string   `json:"project,omitzero"`
	Repository  string   `json:"repository,omitzero"`
	Commit      string   `json:"commit,omitzero"`
	PullRequest string   `json:"pullRequest,omitzero"`
	Issuer      string   `json:"issuer,omitzero"`
	Verdict     string   `json:"verdict,omitzero"`     // of the jury
	GatesDenied []string `json:"gatesDenied,omitzero"` // at most MaxListed
	EvalsFailed []string `json:"evalsFailed,omitzero"` // at most MaxListed
	Models      []string `json:"models,omitzero"`      // at most MaxListed, as provider/model@version
	// Outcome of a run: "failed" where a gate denied, the jury blocked or an eval
	// check did not pass, else "succeeded".
	Outcome string `json:"outcome,omitzero"`
	// Receipt is the path of the receipt at the log; /bundle after it is its proof.
	Receipt string `json:"receipt,omitzero"`
	// Erased says that the receipt was erased before this could be told, so that
	// nothing but its index is left.
	Erased bool `json:"erased,omitzero"`

	// Of an erasure: its basis, and how many receipts it erased.
	Basis string `json:"basis,omitzero"`
	Count uint64 `json:"count,omitzero"`

	// Of the log as a whole: since when it is so, or was, and the quorum.
	Since  time.Time `json:"since,omitzero"`
	Quorum string    `json:"quorum,omitzero"`

	// Of messages that were missed, Count of them: the first and the last entry
	// they were about.
	From *uint64 `json:"from,omitzero"`
	To   *uint64 `json:"to,omitzero"`
}

// Outcomes of a run.
const (
	Succeeded = "succeeded"
	Failed    = "failed"
)

// MaxListed is how many gates, checks or models a message names; the receipt has
// them all.
const MaxListed = 20
