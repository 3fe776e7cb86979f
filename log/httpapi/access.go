package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

// Scopes of a [Key]: what its holder may do.
const (
	ScopeAuditor  = "auditor"  // read private bodies
	ScopeOperator = "operator" // the same; set rules, holds and erasures
)

// Key is one that a caller may show in an Authorization header. The log knows
// its hash only.
type Key struct {
	Hash  [sha256.Size]byte // of the key as it is sent
	Scope string
	Name  string // whose it is, for the operator
}

// Keys are the keys that a log accepts.
type Keys []Key

// ParseKeys reads a file of keys: one a line, as
//
//	<SHA-256 of the key, 64 hex digits> auditor|operator <name>
//
// Empty lines and lines that begin with # are passed over. Errors name the
// line.
func ParseKeys(data []byte) (Keys, error) {
	var keys Keys
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		fail := func(why string) (Keys, error) {
			return nil, verdict.Errorf(verdict.Malformed, fmt.Sprintf("line %d", i+1), "%s", why)
		}
		parts := strings.SplitN(line, " ", 3)
		if len(parts) != 3 || strings.TrimSpace(parts[2]) == "" {
			return fail("must be a hash, a scope and a name")
		}
		hash, err := hex.DecodeString(parts[0])
		if err != nil || len(hash) != sha256.Size || hex.EncodeToString(hash) != parts[0] {
			return fail("must begin with the SHA-256 of a key, 64 lower-case hex digits")
		}
		k := Key{Hash: [sha256.Size]byte(hash), Scope: parts[1], Name: parts[2]}
		if k.Scope != ScopeAuditor && k.Scope != ScopeOperator {
			return fail("has a scope that is neither auditor nor operator")
		}
		if slices.ContainsFunc(keys, func(old Key) bool { return old.Hash == k.Hash }) {
			return fail("has a key that stands on an earlier line")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Line returns the key as [ParseKeys] reads it.
func (k Key) Line() string {
	return hex.EncodeToString(k.Hash[:]) + " " + k.Scope + " " + k.Name + "\n"
}

// scope returns what the caller may do; "" without a key, or with one that is
// not known. It takes as long for every key, known or not.
func (h *Handler) scope(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	hash := sha256.Sum256([]byte(token))
	scope := ""
	for _, k := range h.opts.Keys {
		if subtle.ConstantTimeCompare(k.Hash[:], hash[:]) == 1 {
			scope = k.Scope
		}
	}
	return scope
}

// operator lets through only callers with an operator's key.
func (h *Handler) operator(serve serveFunc) serveFunc {
	return func(w http.ResponseWriter, r *http.Request, arg string) error {
		if h.scope(r) != ScopeOperator {
			w.Header().Set("WWW-Authenticate", `Bearer realm="receiptlog"`)
			return verdict.Errorf(api.CodeUnauthorized, "", "this route wants an operator's key: Authorization: Bearer KEY")
		}
		return serve(w, r, arg)
	}
}
