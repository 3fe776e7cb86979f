package report

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/policy"
)

// maxMemo bounds how many checkpoints are remembered. Bundles that were fetched
// together share one.
const maxMemo = 4096

// memo remembers what a policy says of checkpoints: to verify the signatures of
// a log and its witnesses costs more than that of a receipt. It may be used
// concurrently.
type memo struct {
	policy *policy.Policy
	known  sync.Map // SHA-256 of the signed note to remembered
	count  atomic.Int64
}

type remembered struct {
	verified *policy.Verified
	err      error
}

// Verify is [policy.Policy.Verify]. Callers must not modify what it returns.
func (m *memo) Verify(signed []byte) (*policy.Verified, error) {
	key := sha256.Sum256(signed)
	if have, ok := m.known.Load(key); ok {
		r := have.(remembered)
		return r.verified, r.err
	}
	v, err := m.policy.Verify(signed)
	if m.count.Add(1) <= maxMemo {
		m.known.Store(key, remembered{v, err})
	}
	return v, err
}
