package api

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"net/http"
)

// Routes by which promises are made and ended. All of them want the operator's
// key in an Authorization header.
const (
	RouteOrgs     = "/api/v1/orgs"     // + /{org}/retention
	RouteHolds    = "/api/v1/holds"    // POST a HoldRequest
	RouteErasures = "/api/v1/erasures" // POST an ErasureRequest
)

// RetentionRoute is where the rules of an organisation are set (PUT) and read
// (GET).
func RetentionRoute(org string) string {
	return RouteOrgs + "/" + escapeSegment(org) + "/retention"
}

// RulesRequest asks for new retention rules. Members as in entry.Rules.
type RulesRequest struct {
	Class   string `json:"class"`
	Period  string `json:"period,omitzero"`  // ISO 8601, as in P2Y
	Event   string `json:"event,omitzero"`   // a date, as in 2027-01-31
	Applies string `json:"applies,omitzero"` // "later", the default, or "all"
	Notice  string `json:"notice,omitzero"`  // longer than the log's own, if at all
	Asked   string `json:"asked"`
}

// HoldRequest places a hold (on Org, by name, or on Ranges) or lifts one.
type HoldRequest struct {
	Action string      `json:"action"`
	Org    string      `json:"org,omitzero"`
	Ranges [][2]uint64 `json:"ranges,omitzero"`
	Lifts  *uint64     `json:"lifts,omitzero"`
	Basis  string      `json:"basis"`
	Asked  string      `json:"asked"`
}

// ErasureRequest asks for particular receipts to be erased: by their run, with
// all its receipts or one of them, or by their indices.
type ErasureRequest struct {
	Org     string   `json:"org"` // by name; the receipts must be of it
	RunID   string   `json:"runId,omitzero"`
	Indices []uint64 `json:"indices,omitzero"`
	Legal   string   `json:"legal"`
	Asked   string   `json:"asked"`
}

// Appended answers a request that became an entry of the log. It is durable,
// and under a published checkpoint.
type Appended struct {
	Index uint64         `json:"index"`
	Entry jsontext.Value `json:"entry"`
}

// Retention answers what rules an organisation has; Rules is absent where its
// receipts are kept indefinitely because it never made any.
type Retention struct {
	Org   string    `json:"org"` // by name
	Rules *Appended `json:"rules,omitzero"`
	Holds []uint64  `json:"holds"` // entries of the holds that stand over all of it
}

// SetRules appends rules for an organisation.
func (c *Client) SetRules(ctx context.Context, org string, r RulesRequest) (*Appended, error) {
	return ask[Appended](ctx, c, "set rules", http.MethodPut, RetentionRoute(org), r)
}

// Rules returns the rules of an organisation.
func (c *Client) Rules(ctx context.Context, org string) (*Retention, error) {
	return ask[Retention](ctx, c, "get rules", http.MethodGet, RetentionRoute(org), nil)
}

// Hold places or lifts a hold.
func (c *Client) Hold(ctx context.Context, r HoldRequest) (*Appended, error) {
	return ask[Appended](ctx, c, "hold", http.MethodPost, RouteHolds, r)
}

// Erase appends an erasure. The bodies are destroyed soon after it is
// published.
func (c *Client) Erase(ctx context.Context, r ErasureRequest) (*Appended, error) {
	return ask[Appended](ctx, c, "erase", http.MethodPost, RouteErasures, r)
}

// ask sends v as JSON, where it is not nil, and reads a reply.
//
// Rules, holds and erasures are entries: asked for twice, they stand twice,
// which changes nothing but is not wanted. So nothing is asked again that may
// have been heard.
func ask[T any](ctx context.Context, c *Client, verb, method, path string, v any) (*T, error) {
	r := request{method: method, path: path, accept: MediaJSON, limit: maxListingBytes}
	if v != nil {
		body, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", verb, err)
		}
		r.body, r.contentType = body, MediaJSON
	}
	got, _, err := c.try(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", verb, err)
	}
	reply := new(T)
	if err := parseReply(got.body, reply); err != nil {
		return nil, fmt.Errorf("%s: %w", verb, err)
	}
	return reply, nil
}
