package witness

import (
	"context"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
)

// SignsSubtrees reports whether the witness has a key whose signatures can cover
// a subtree: ML-DSA-44. Without, sign-subtree is not served.
func (w *Witness) SignsSubtrees() bool { return len(w.subtreeSigners(nil)) != 0 }

// SignSubtree answers a sign-subtree request: it returns the signature lines of
// the reply, or a *RefusedError. It reads no state but the list of logs: that the
// witness signed the checkpoint says that its state was durable then (I8), and
// the proof says that the subtree is part of it.
//
// The order of the checks is that of SPEC tlog-witness.
func (w *Witness) SignSubtree(ctx context.Context, body []byte) ([]byte, error) {
	req, err := ParseSubtreeRequest(body)
	if err != nil {
		return nil, err
	}
	c := req.Checkpoint
	// SPEC tlog-witness: "If the Merkle Consistency Proof doesn't verify [...] 422".
	if err := proof.VerifySubtree(req.Start, req.End, req.Hash, c.Size, c.Root, req.Proof); err != nil {
		return nil, refuse(Inconsistent, "the proof of subtree [%d, %d) does not verify", req.Start, req.End)
	}
	if _, err := w.lookup(c.Origin); err != nil {
		return nil, err
	}
	// SPEC tlog-witness: "The witness MUST verify that the checkpoint includes a
	// valid cosignature from one of its own keys [...] 403".
	sigs, err := req.Note.Verify(w.Keys().verifiers()...)
	if err != nil {
		return nil, refuse(Untrusted, "checkpoint: %v", err)
	}
	if len(sigs) == 0 {
		return nil, refuse(Untrusted, "the checkpoint is not cosigned by this witness")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var lines []byte
	for _, s := range w.subtreeSigners(sigs) {
		// SPEC tlog-witness: "the timestamp MUST be zero".
		line, err := s.SignSubtree(c.Origin, req.Start, req.End, req.Hash)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

// subtreeSigners returns the keys that can sign subtrees: those that signed the
// checkpoint (SPEC tlog-witness: "SHOULD"), or all if none did.
func (w *Witness) subtreeSigners(signed []checkpoint.VerifiedSignature) []*checkpoint.Signer {
	var able, same []*checkpoint.Signer
	for _, s := range w.Keys().signers {
		if s.Verifier().Algorithm() != checkpoint.MLDSA44 {
			continue
		}
		able = append(able, s)
		for _, sig := range signed {
			if sig.Name == s.Name() && sig.KeyHash == s.KeyHash() {
				same = append(same, s)
			}
		}
	}
	if len(same) != 0 {
		return same
	}
	return able
}
