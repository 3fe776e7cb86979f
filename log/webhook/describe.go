package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/storage/outbox"
)

// id is what a message is known by, to whichever receiver, however often it is
// sent. SPEC Standard Webhooks: it has no dot.
func (h *Hooks) id(receiver uint32, m *outbox.Message) string {
	return fmt.Sprintf("msg_%s_%d_%c_%d", h.log.KeyTag(), receiver, m.Kind, m.Subject)
}

// ready reports whether a message may be sent yet.
func (h *Hooks) ready(ctx context.Context, m *outbox.Message) bool {
	switch Kind(m.Kind) {
	case ErasureDone:
		if m.Subject >= h.log.PublishedSize() {
			return false
		}
		off, err := h.log.OffDisk(ctx, m.Subject)
		return off && err == nil
	case ReceiptLogged, RunCompleted, GateDenied, JuryBlock, EvalFailed:
		// I1, I4: nobody is told of what a crash could undo, or nobody can see.
		return m.Subject < h.log.PublishedSize()
	}
	return true
}

// describe makes the text of a message, from what the log holds now.
func (h *Hooks) describe(ctx context.Context, m *outbox.Message) (*webhook.Message, error) {
	out := &webhook.Message{Type: Kind(m.Kind).String(), Timestamp: m.At.UTC().Truncate(time.Millisecond)}
	out.Data.Log = h.log.Origin()
	switch k := Kind(m.Kind); k {
	case ReceiptLogged, RunCompleted, GateDenied, JuryBlock, EvalFailed:
		out.Data.Index = &m.Subject
		r, err := h.log.Receipt(ctx, m.Subject)
		if verdict.CodeOf(err) == verdict.Erased {
			out.Data.Erased = true // I7: there is nothing else left to tell
			return out, nil
		} else if err != nil {
			return nil, err
		}
		describeReceipt(&out.Data, r)
	case ErasureDone:
		e, err := h.log.Erasure(ctx, m.Subject)
		if err != nil {
			return nil, err
		}
		out.Data.Index, out.Data.Org, out.Data.Basis, out.Data.Count = &m.Subject, e.Org, e.Basis, e.Count
	case CheckpointStale, CheckpointFresh:
		out.Data.Since = moment(m.Subject)
	case QuorumLost, QuorumRegained:
		out.Data.Since = moment(m.Subject)
		out.Data.Quorum, _ = h.log.Quorum()
	case MessagesMissed:
		out.Data.From, out.Data.To, out.Data.Count = &m.Subject, &m.Until, m.Count
	}
	return out, nil
}

func moment(nanos uint64) time.Time {
	return time.Unix(0, int64(nanos)).UTC().Truncate(time.Second)
}

func describeReceipt(d *webhook.Data, r *receipt.Receipt) {
	b := &r.Credential().CredentialSubject.Build
	d.RunID, d.Org, d.Project, d.Repository, d.Issuer = b.RunID, b.Org, b.Project, b.Repository, r.Issuer()
	d.Commit, d.PullRequest = b.Diff.Head, b.Diff.PullRequest
	if b.Jury != nil {
		d.Verdict = b.Jury.Verdict
	}
	d.GatesDenied, d.EvalsFailed = some(denied(b)), some(failures(b))
	for _, m := range some(b.Models) {
		name := m.Provider + "/" + m.Model
		if m.Version != "" {
			name += "@" + m.Version
		}
		d.Models = append(d.Models, name)
	}
	d.Outcome = webhook.Succeeded
	if _, failed := kindsOf(b); failed {
		d.Outcome = webhook.Failed
	}
	d.Receipt = api.RunRoute(b.RunID)
}

// some returns as many as a message lists.
func some[T any](list []T) []T { return list[:min(len(list), webhook.MaxListed)] }
