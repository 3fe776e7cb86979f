package webhook

import (
	"fmt"
	"slices"

	"github.com/armalo/receiptlog/client/receipt"
)

// Kind is what a message tells about. Its value stands in the outbox and never
// changes its meaning.
type Kind byte

// Kinds of messages. The subject of those about receipts and erasures is the index
// of their entry; of the others the time, in nanoseconds.
const (
	ReceiptLogged   Kind = 'l' // a receipt is under a published checkpoint
	RunCompleted    Kind = 'r' // the same, with how its run came out
	GateDenied      Kind = 'g' // a policy gate other than receipt.publish denied
	JuryBlock       Kind = 'j' // the jury's verdict is block
	EvalFailed      Kind = 'e' // an eval check did not pass
	ErasureDone     Kind = 'x' // an erasure is carried out, and off the disk
	CheckpointStale Kind = 's' // no checkpoint was published for too long
	CheckpointFresh Kind = 'f' // one was, again
	QuorumLost      Kind = 'q' // the witnesses do not cosign
	QuorumRegained  Kind = 'w' // they do, again
	MessagesMissed  Kind = 'm' // the receiver's queue was full
	Test            Kind = 't' // somebody tries out the receiver
)

// names are what receivers know the kinds by.
var names = map[Kind]string{
	ReceiptLogged: "receipt.logged", RunCompleted: "build/project.run.completed",
	GateDenied: "gate.denied", JuryBlock: "jury.block", EvalFailed: "eval.failed",
	ErasureDone:     "erasure.done",
	CheckpointStale: "checkpoint.stale", CheckpointFresh: "checkpoint.fresh",
	QuorumLost: "quorum.lost", QuorumRegained: "quorum.regained",
	MessagesMissed: "webhook.missed", Test: "webhook.test",
}

// String returns the name that a message carries as its type.
func (k Kind) String() string {
	if name := names[k]; name != "" {
		return name
	}
	return fmt.Sprintf("unknown(%d)", byte(k))
}

// receiptKinds are those that a receipt gives rise to.
var receiptKinds = [...]Kind{ReceiptLogged, RunCompleted, GateDenied, JuryBlock, EvalFailed}

// Events are the names that a receiver may ask for. That something is well again
// is told to those who were told that it was not.
var Events = []string{"build/project.run.completed", "checkpoint.stale", "erasure.done", "eval.failed", "gate.denied", "jury.block", "quorum.lost", "receipt.logged"}

// set is a set of kinds.
type set uint32

func (s set) has(k Kind) bool { return s&(1<<(k-'a')) != 0 }
func (s set) with(kinds ...Kind) set {
	for _, k := range kinds {
		s |= 1 << (k - 'a')
	}
	return s
}

// setOf returns the kinds that a receiver of those events is told of.
func setOf(events []string) (s set) {
	for k, name := range names {
		if slices.Contains(events, name) {
			s = s.with(k)
		}
	}
	if s.has(CheckpointStale) {
		s = s.with(CheckpointFresh)
	}
	if s.has(QuorumLost) {
		s = s.with(QuorumRegained)
	}
	return s
}

// kindsOf returns what there is to tell about a receipt, and whether its run
// failed.
func kindsOf(b *receipt.Build) (kinds set, failed bool) {
	kinds = kinds.with(ReceiptLogged, RunCompleted)
	if len(denied(b)) > 0 {
		kinds = kinds.with(GateDenied)
	}
	if b.Jury != nil && b.Jury.Verdict == receipt.Block {
		kinds = kinds.with(JuryBlock)
	}
	if len(failures(b)) > 0 {
		kinds = kinds.with(EvalFailed)
	}
	return kinds, kinds != set(0).with(ReceiptLogged, RunCompleted)
}

// denied returns the gates that denied. That of publication only says who may
// read the receipt.
func denied(b *receipt.Build) (gates []string) {
	for _, g := range b.PolicyGates {
		if g.Decision == receipt.Deny && g.ID != receipt.GatePublish {
			gates = append(gates, g.ID)
		}
	}
	return gates
}

// failures returns the eval checks that did not pass.
func failures(b *receipt.Build) (checks []string) {
	if b.Evals == nil {
		return nil
	}
	for _, c := range b.Evals.Checks {
		if !c.Passed {
			checks = append(checks, c.ID)
		}
	}
	return checks
}
