package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// Verified is what a policy finds in a signed checkpoint. Every signature in it
// has been verified.
type Verified struct {
	Checkpoint   checkpoint.Checkpoint
	LogKeys      []string      // vkeys of the log lines whose keys signed, once each
	Cosignatures []Cosignature // by listed witnesses, in the order of the note
	Quorum       bool          // whether they meet the quorum
	QuorumRule   string        // as [Policy.Quorum] renders it
	Ignored      int           // signature lines by keys that the policy does not list
}

// Cosignature is one verified cosignature by a listed witness. A witness may have
// cosigned one checkpoint more than once, at different times; for the quorum it
// counts once.
type Cosignature struct {
	Witness   string    // name within the policy
	KeyName   string    // name of the key, as in the signature line
	KeyHash   uint32    // key ID, as in the signature line
	Algorithm string    // "cosignature-ed25519" or "ml-dsa-44"
	Time      time.Time // in UTC, to the second; zero if the witness states none
	Line      []byte    // signature line as it stands, including its newline
}

// Verify verifies a signed checkpoint. Signature lines by keys that the policy
// does not list are ignored; a line that names a listed key and does not verify
// spoils the checkpoint.
//
// An error has code checkpoint_invalid or too_large, and Verified is nil, if the
// checkpoint is malformed, spoilt or not signed by a listed log of its origin;
// policy_invalid if the policy lists no log at all. If all that is missing are
// cosignatures, the error has code quorum_not_met and Verified holds what there
// is. Cosignature times are reported and not judged.
func (p *Policy) Verify(signed []byte) (*Verified, error) {
	if len(p.logs) == 0 {
		return nil, &verdict.Error{Code: verdict.PolicyInvalid, Detail: "policy lists no log, so that no checkpoint is one of a known log"}
	}
	note, err := checkpoint.ParseNote(signed)
	if err != nil {
		return nil, err
	}
	v := &Verified{QuorumRule: p.Quorum()}
	if v.Checkpoint, err = checkpoint.Parse(note.Text); err != nil {
		return nil, err
	}
	signatures, err := note.Verify(p.known...)
	if err != nil {
		return nil, err
	}
	cosigned := make(map[string]bool)
	v.Ignored = len(note.Signatures) - len(signatures)
	for _, s := range signatures {
		p.creditLog(v, s)
		p.creditWitness(v, cosigned, s)
	}
	if len(v.LogKeys) == 0 {
		return nil, verdict.Errorf(verdict.CheckpointInvalid, "", "no listed key of log %q has signed the checkpoint", v.Checkpoint.Origin)
	}
	if v.Quorum = p.Satisfied(cosigned); !v.Quorum {
		return v, verdict.Errorf(verdict.QuorumNotMet, "", "quorum is %s; cosigned by %s", v.QuorumRule, listNames(cosigned))
	}
	return v, nil
}

// creditLog counts s if it is by a listed log that the checkpoint is of. SPEC
// tlog-policy: the key name MUST correspond to the log's origin line.
func (p *Policy) creditLog(v *Verified, s checkpoint.VerifiedSignature) {
	for _, l := range p.logs {
		if isBy(s, l.key) && l.Origin == v.Checkpoint.Origin && !slices.Contains(v.LogKeys, l.VKey) {
			v.LogKeys = append(v.LogKeys, l.VKey)
		}
	}
}

// creditWitness counts s if it is by a listed witness.
func (p *Policy) creditWitness(v *Verified, cosigned map[string]bool, s checkpoint.VerifiedSignature) {
	for _, w := range p.witnesses {
		if !isBy(s, w.key) {
			continue
		}
		cosigned[w.Name] = true
		v.Cosignatures = append(v.Cosignatures, Cosignature{
			Witness:   w.Name,
			KeyName:   s.Name,
			KeyHash:   s.KeyHash,
			Algorithm: s.Verifier.Algorithm().String(),
			Time:      s.Time,
			Line:      s.Line,
		})
	}
}

// isBy reports whether s, which verified, is by key: name and key ID are those of
// one known key only.
func isBy(s checkpoint.VerifiedSignature, key *checkpoint.Verifier) bool {
	return s.KeyHash == key.KeyHash() && s.Name == key.Name()
}

// listNames lists names for people, in order.
func listNames(names map[string]bool) string {
	if len(names) == 0 {
		return "nobody"
	}
	var list []string
	for n := range names {
		list = append(list, printable(n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
