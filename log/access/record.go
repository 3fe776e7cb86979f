package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// record is a key as it is stored. It is never changed, only replaced.
type record struct {
	api.Key
	Hash string `json:"sha256"`

	id   uint64
	hash [sha256.Size]byte
}

func (r *record) marshal() ([]byte, error) { return json.Marshal(r) }

// parseRecord reads what marshal wrote, strictly.
func parseRecord(id uint64, value []byte) (*record, error) {
	r := &record{id: id}
	if err := json.Unmarshal(value, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("key %s: %w", formatID(id), err)
	}
	sum, err := hex.DecodeString(r.Hash)
	if err != nil || len(sum) != sha256.Size || r.ID != formatID(id) {
		return nil, fmt.Errorf("key %s: its row is damaged", formatID(id))
	}
	copy(r.hash[:], sum)
	return r, nil
}

// ended returns why the key does not count any more at that time, or "".
func (r *record) ended(now time.Time) string {
	switch {
	case !r.Revoked.IsZero():
		return "the key was revoked"
	case !r.Expires.IsZero() && !now.Before(r.Expires):
		return "the key has expired"
	}
	return ""
}

// endedAt is when the key ended, for one that has.
func (r *record) endedAt() time.Time {
	if !r.Revoked.IsZero() && (r.Expires.IsZero() || r.Revoked.Before(r.Expires)) {
		return r.Revoked
	}
	return r.Expires
}

// check holds a request for a key to its bounds and puts its scopes in order.
func check(q *api.KeyRequest, now time.Time) error {
	if err := checkName(q.Name); err != nil {
		return err
	}
	if q.Org != "" && !receipt.IsOrg(q.Org) {
		return verdict.Errorf(verdict.Malformed, "org", "is no name that an organisation can have in a receipt")
	}
	if len(q.Scopes) == 0 {
		return verdict.Errorf(verdict.Malformed, "scopes", "must be at least one of %s", scopeList())
	}
	for i, s := range q.Scopes {
		if !s.Known() {
			return verdict.Errorf(verdict.Malformed, fmt.Sprintf("scopes[%d]", i), "must be one of %s", scopeList())
		}
	}
	q.Scopes = slices.DeleteFunc(slices.Clone(api.Scopes), func(s api.Scope) bool { return !slices.Contains(q.Scopes, s) })
	if q.Rate < 0 || q.Rate > api.MaxKeyRate {
		return verdict.Errorf(verdict.Malformed, "rate", "must be from 0 (the log's default) to %d requests a second", api.MaxKeyRate)
	}
	if q.Quota < 0 {
		return verdict.Errorf(verdict.Malformed, "quota", "must be 0 (none) or a number of receipts a day")
	}
	return checkExpiry(&q.Expires, "expires", now)
}

// checkExpiry wants a time to come, or none, and cuts it to whole seconds.
func checkExpiry(t *time.Time, path string, now time.Time) error {
	if t.IsZero() {
		return nil
	}
	if *t = t.UTC().Truncate(time.Second); !t.After(now) {
		return verdict.Errorf(verdict.Malformed, path, "must be in the future")
	}
	return nil
}

func checkName(name string) error {
	bad := func(c rune) bool { return !unicode.IsPrint(c) || c == utf8.RuneError }
	if strings.TrimSpace(name) == "" || len(name) > api.MaxKeyName || strings.ContainsFunc(name, bad) {
		return verdict.Errorf(verdict.Malformed, "name", "must say whose key it is, in one line of at most %d bytes", api.MaxKeyName)
	}
	return nil
}

func scopeList() string {
	var names []string
	for _, s := range api.Scopes {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}
