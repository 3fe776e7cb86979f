package httpapi

import (
	"crypto/sha256"
	"net/http"
	"sync"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// maxIdempotencyKey bounds a key: a UUID has 36 characters, and clients that
	// put a name before it a few more.
	maxIdempotencyKey = 255
	// maxRememberedKeys bounds the memory for keys, some 10 MB.
	maxRememberedKeys = 1 << 16
)

// idempotency remembers which receipt came with which Idempotency-Key. A receipt
// is its own key, and submitting it again answers the same with or without one.
// What a key adds is that a client that uses it for another receipt, which is a
// mistake on its side, is told. That is remembered as long as there is room, and
// not across restarts: nothing depends on it. Safe for concurrent use.
type idempotency struct {
	mu    sync.Mutex
	seen  map[[32]byte][32]byte // caller and key, to receipt
	order [][32]byte            // of seen, as a ring
	next  int
}

func newIdempotency() *idempotency {
	return &idempotency{seen: make(map[[32]byte][32]byte)}
}

// check refuses a request whose key came before with another receipt.
//
// Codes: malformed for a key that is none, idempotency_key_reused. What is wrong
// with the receipt is left to whoever takes it in.
func (m *idempotency) check(r *http.Request, data []byte) error {
	values := r.Header["Idempotency-Key"]
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 || !isIdempotencyKey(values[0]) {
		return verdict.Errorf(verdict.Malformed, "Idempotency-Key", "must be given once, with 1 to %d visible ASCII characters", maxIdempotencyKey)
	}
	parsed, err := receipt.Parse(data)
	if err != nil {
		return nil
	}
	// Two callers that happen to choose one key have nothing to do with another.
	caller := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	key := sha256.Sum256(append(caller[:], values[0]...))
	if !m.claim(key, parsed.Hash()) {
		return verdict.Errorf(api.CodeIdempotencyReused, "Idempotency-Key", "came before with another receipt; use one key a receipt, or none")
	}
	return nil
}

// claim reports whether key is of that receipt, which it is from now on if it is
// new.
func (m *idempotency) claim(key, of [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.seen[key]; ok {
		return known == of
	}
	if len(m.order) < maxRememberedKeys {
		m.order = append(m.order, key)
	} else {
		delete(m.seen, m.order[m.next])
		m.order[m.next] = key
		m.next = (m.next + 1) % maxRememberedKeys
	}
	m.seen[key] = of
	return true
}

func isIdempotencyKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxIdempotencyKey
}
