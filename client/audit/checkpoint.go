package audit

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

// target is a checkpoint to follow the log to: verified, with its quorum.
type target struct {
	*policy.Verified
	signed []byte
}

// checkpoint fetches the latest checkpoint and holds it to the policy and to
// what was seen before. It returns nil where there is nothing to go by, and
// has noted why.
func (a *Auditor) checkpoint(ctx context.Context) (*target, error) {
	signed, err := a.opts.Log.Checkpoint(ctx)
	if err != nil {
		return nil, unheard("the log shows no checkpoint", err)
	}
	v, err := a.opts.Policy.Verify(signed)
	if v == nil {
		a.foundGlobal(verdict.CodeOf(err), account.Breach, fmt.Sprintf("the log shows a checkpoint that is none: %v", err), signed)
		return nil, nil
	}
	if err != nil {
		// What too few have seen is no ground to stand on: another history may
		// have been shown to others.
		a.foundGlobal(QuorumNotMet, account.Breach, fmt.Sprintf("the checkpoint of size %d is not cosigned as the policy asks: %v", v.Checkpoint.Size, err), signed)
		return nil, nil
	}
	if a.state.Origin == "" {
		a.state.Origin = v.Checkpoint.Origin
	}
	if v.Checkpoint.Origin != a.state.Origin {
		a.foundGlobal(CheckpointInvalid, account.Breach, fmt.Sprintf("the log shows a checkpoint of %s, and this audit is of %s", v.Checkpoint.Origin, a.state.Origin), signed)
		return nil, nil
	}
	a.checkWitnesses(v)
	if v.Checkpoint.Size <= a.state.Verified.Size && len(a.state.Seen) > 0 {
		return a.checkOlder(ctx, v, signed)
	}
	return &target{v, signed}, nil
}

// checkWitnesses looks for witnesses that are silent, and for a log that is.
func (a *Auditor) checkWitnesses(v *policy.Verified) {
	seen := seenOf(v, nil)
	for _, w := range a.opts.Policy.Witnesses() {
		if !slices.Contains(seen.Witnesses, w.Name) {
			a.found.add(account.Finding{Code: CosignatureMissing, Severity: account.Warning, Witness: w.Name,
				Detail: fmt.Sprintf("witness %s has not cosigned the checkpoint of size %d", w.Name, v.Checkpoint.Size)})
		}
	}
	if age := a.opts.Now().Sub(seen.Last); !seen.Last.IsZero() && age > a.opts.MaxAge {
		a.foundGlobal(CheckpointStale, account.Warning, fmt.Sprintf("the latest checkpoint, of size %d, was last cosigned %s ago", v.Checkpoint.Size, age.Round(time.Second)))
	}
}

// checkOlder deals with a checkpoint no larger than the one verified last.
func (a *Auditor) checkOlder(ctx context.Context, v *policy.Verified, signed []byte) (*target, error) {
	last := a.state.Seen[len(a.state.Seen)-1]
	old := v.Checkpoint
	if old.Size == last.Size {
		if encodeHash(old.Root) != last.Root {
			a.foundFork(old, signed, last)
			return nil, nil
		}
		a.state.Seen[len(a.state.Seen)-1] = seenOf(v, signed) // with later cosignatures
		return &target{v, signed}, nil
	}
	hashes, err := proof.Consistency(ctx, a.opts.Log.Tile, old.Size, last.Size)
	if err != nil {
		return nil, unheard("the log shows a checkpoint that is smaller than before, and no tiles to hold it against", err)
	}
	root, err := checkpoint.ParseHash(last.Root)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	if err := proof.VerifyConsistency(old.Size, last.Size, old.Root, root, hashes); err != nil {
		a.foundFork(old, signed, last)
		return nil, nil
	}
	a.foundGlobal(CheckpointShrunk, account.Breach, fmt.Sprintf("the log shows a checkpoint of size %d, and showed one of size %d before", old.Size, last.Size), signed, []byte(last.Signed))
	return nil, nil
}

func (a *Auditor) foundFork(old checkpoint.Checkpoint, signed []byte, last account.Seen) {
	a.foundGlobal(Fork, account.Breach, fmt.Sprintf("the log has signed two histories: the checkpoint of size %d does not go together with the one of size %d that was verified before", old.Size, last.Size),
		signed, []byte(last.Signed))
}

// foundGlobal notes a finding about the log as a whole.
func (a *Auditor) foundGlobal(code verdict.Code, severity account.Severity, detail string, evidence ...[]byte) {
	f := account.Finding{Code: code, Severity: severity, Detail: detail}
	for _, e := range evidence {
		if e != nil {
			f.Evidence = append(f.Evidence, string(e))
		}
	}
	a.found.add(f)
}

// seenOf is what is kept of a verified checkpoint.
func seenOf(v *policy.Verified, signed []byte) account.Seen {
	s := account.Seen{Size: v.Checkpoint.Size, Root: encodeHash(v.Checkpoint.Root), Signed: string(signed), Quorum: v.Quorum, Witnesses: []string{}}
	for _, c := range v.Cosignatures {
		if !slices.Contains(s.Witnesses, c.Witness) {
			s.Witnesses = append(s.Witnesses, c.Witness)
		}
		if c.Time.IsZero() {
			continue
		}
		if s.First.IsZero() || c.Time.Before(s.First) {
			s.First = c.Time
		}
		if c.Time.After(s.Last) {
			s.Last = c.Time
		}
	}
	return s
}

func encodeHash(h [32]byte) string { return base64.StdEncoding.EncodeToString(h[:]) }
