package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// Scope is something that a key allows.
type Scope string

// The scopes. None includes another: a key of an administrator makes keys and
// reads no receipt.
const (
	ScopeReceiptsWrite  Scope = "receipts:write"  // submit receipts of its organisation
	ScopeReceiptsRead   Scope = "receipts:read"   // read private receipts of its organisation
	ScopeReceiptsExport Scope = "receipts:export" // all of them at once
	ScopeRetentionWrite Scope = "retention:write" // rules, holds and erasures
	ScopeAuditRead      Scope = "audit:read"      // the trail of administrative acts, and rules
	ScopeAdmin          Scope = "admin"           // keys and webhooks
)

// Scopes are all of them, in the order in which they are documented.
var Scopes = []Scope{ScopeReceiptsWrite, ScopeReceiptsRead, ScopeReceiptsExport, ScopeRetentionWrite, ScopeAuditRead, ScopeAdmin}

// Known reports whether s is a scope.
func (s Scope) Known() bool { return slices.Contains(Scopes, s) }

// Routes of keys and of the trail.
const (
	RouteKeys  = "/api/v1/keys"  // GET lists, POST a KeyRequest; + /{id}, and /{id}/rotate
	RouteTrail = "/api/v1/trail" // GET ?from=SEQ&limit=N: a TrailPage
)

// Bounds of keys, each with its reason.
const (
	MaxKeyName    = 100    // one line of a list
	MaxTrailLines = 1000   // a page of some 300 KB
	MaxKeyRate    = 100000 // requests a second: beyond that it bounds nothing
)

// Key is what a log tells of a key. The key itself is shown once, in a
// [NewKey]; the log has only its SHA-256.
type Key struct {
	ID string `json:"id"` // 16 hex digits; stands in the key itself
	// Name says whose it is, for people.
	Name string `json:"name"`
	// Org is the organisation that it is bound to, by name; "" is all of them.
	Org    string  `json:"org,omitzero"`
	Scopes []Scope `json:"scopes"`

	Created   time.Time `json:"created"`
	CreatedBy string    `json:"createdBy"`        // the id of a key, or "console"
	Expires   time.Time `json:"expires,omitzero"` // never, if zero
	Revoked   time.Time `json:"revoked,omitzero"`
	// Replaces and ReplacedBy are the ids of its neighbours in a rotation.
	Replaces   string `json:"replaces,omitzero"`
	ReplacedBy string `json:"replacedBy,omitzero"`
	// LastUsed is right to within a minute, and may lag that much after a crash.
	LastUsed time.Time `json:"lastUsed,omitzero"`

	// Rate is how many requests a second it may make, twice as many at once; 0
	// means the log's default. Quota is how many receipts it may submit in a
	// day (UTC), 0 any number.
	Rate  int `json:"rate,omitzero"`
	Quota int `json:"quota,omitzero"`
}

// KeyRequest asks for a key. Members are as in [Key].
type KeyRequest struct {
	Name    string    `json:"name"`
	Org     string    `json:"org,omitzero"`
	Scopes  []Scope   `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
	Rate    int       `json:"rate,omitzero"`
	Quota   int       `json:"quota,omitzero"`
}

// NewKey is a key that was made just now. Secret is what goes behind "Bearer" in
// an Authorization header; nobody can be told it again.
type NewKey struct {
	Key
	Secret string `json:"key"`
}

// KeyListing answers with keys, oldest first.
type KeyListing struct {
	Keys []Key `json:"keys"`
}

// RotateRequest asks for a key in place of another, with the same name, scopes,
// organisation and bounds. The old one goes on until Until (zero: it ends at
// once), and never longer than it would have.
type RotateRequest struct {
	Until   time.Time `json:"until,omitzero"`
	Expires time.Time `json:"expires,omitzero"` // of the new one
}

// Act is one line of the trail of administrative acts. What changes keys is on
// the trail in the same write. What changes retention is there twice: before it
// is done, and after, with the outcome.
type Act struct {
	Seq     uint64    `json:"seq"` // from 0, without gaps
	At      time.Time `json:"at"`
	By      string    `json:"by"`     // the id of a key, or "console"
	ByName  string    `json:"byName"` // whose key it is
	Act     string    `json:"act"`    // "key.create", "retention.erase", ...
	Org     string    `json:"org,omitzero"`
	Subject string    `json:"subject,omitzero"` // what it was done to: the id of a key, an entry
	Detail  string    `json:"detail,omitzero"`
}

// CreateKey makes a key.
func (c *Client) CreateKey(ctx context.Context, r KeyRequest) (*NewKey, error) {
	return ask[NewKey](ctx, c, "make key", http.MethodPost, RouteKeys, r)
}

// Keys lists the keys that the caller's key may manage.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	listing, err := ask[KeyListing](ctx, c, "list keys", http.MethodGet, RouteKeys, nil)
	if err != nil {
		return nil, err
	}
	return listing.Keys, nil
}

// RevokeKey ends a key at once.
func (c *Client) RevokeKey(ctx context.Context, id string) (*Key, error) {
	return ask[Key](ctx, c, "revoke key", http.MethodDelete, KeyRoute(id), nil)
}

// RotateKey makes a key in place of another.
func (c *Client) RotateKey(ctx context.Context, id string, r RotateRequest) (*NewKey, error) {
	return ask[NewKey](ctx, c, "rotate key", http.MethodPost, KeyRoute(id)+"/rotate", r)
}

// KeyRoute is where one key is read (GET) and revoked (DELETE).
func KeyRoute(id string) string { return RouteKeys + "/" + escapeSegment(id) }

// Trail returns acts from seq on, at most limit and at most [MaxTrailLines] of
// them: those that the caller's key may see.
func (c *Client) Trail(ctx context.Context, from uint64, limit int) (*TrailPage, error) {
	query := "?" + QueryFrom + "=" + strconv.FormatUint(from, 10) + "&" + QueryLimit + "=" + strconv.Itoa(limit)
	return ask[TrailPage](ctx, c, "read trail", http.MethodGet, RouteTrail+query, nil)
}

// TrailPage answers with some of the trail.
type TrailPage struct {
	Acts []Act `json:"acts"`
	// Next is where the next page begins; absent where this is the end.
	Next *uint64 `json:"next,omitzero"`
}

// Codes of refusals that have to do with keys.
const (
	CodeForbidden     verdict.Code = "forbidden"      // a key that stands, and does not allow this
	CodeRateLimited   verdict.Code = "rate_limited"   // too many requests with this key; see Retry-After
	CodeQuotaExceeded verdict.Code = "quota_exceeded" // too many receipts today with this key
	CodeNoSuchKey     verdict.Code = "no_such_key"    // none that the caller may manage
	CodeKeyEnded      verdict.Code = "key_ended"      // it cannot be rotated any more
	CodeTooManyKeys   verdict.Code = "too_many_keys"
)
