package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// RouteWebhooks is where receivers are listed (GET) and added (POST a
// WebhookRequest). Each is at /{id} (GET, DELETE) and has /{id}/rotate and
// /{id}/test (POST), /{id}/dead (GET) and /{id}/resend (POST a ResendRequest).
const RouteWebhooks = "/api/v1/webhooks"

// CodeNoSuchWebhook says that there is none with that number that the caller may
// manage.
const CodeNoSuchWebhook verdict.Code = "no_such_webhook"

// WebhookRoute is where one receiver is.
func WebhookRoute(id uint32) string {
	return RouteWebhooks + "/" + strconv.FormatUint(uint64(id), 10)
}

// WebhookRequest asks for a receiver.
type WebhookRequest struct {
	// Name is for people.
	Name string `json:"name"`
	// Org is the organisation, by name, whose receipts it is told of; "" is all.
	Org string `json:"org,omitzero"`
	// Shape is generic (Standard Webhooks), slack or pagerduty.
	Shape string `json:"shape"`
	// URL is where messages are posted. It may be left out for pagerduty.
	URL string `json:"url,omitzero"`
	// Events are what it wants to hear of: receipt.logged,
	// build/project.run.completed, gate.denied, jury.block, eval.failed,
	// erasure.done, checkpoint.stale, quorum.lost.
	Events []string `json:"events"`
	// OnlyFailures leaves out runs that succeeded. For pagerduty it is always so.
	OnlyFailures bool `json:"onlyFailures,omitzero"`
	// RoutingKey is that of a PagerDuty integration, and not shown again.
	RoutingKey string `json:"routingKey,omitzero"`
}

// Webhook is what a log tells of a receiver. Neither its secret nor the path of its
// URL, which may hold one, is shown.
type Webhook struct {
	ID           uint32    `json:"id"`
	Name         string    `json:"name"`
	Org          string    `json:"org,omitzero"`
	Shape        string    `json:"shape"`
	Host         string    `json:"host"` // of its URL, with the scheme
	Events       []string  `json:"events"`
	OnlyFailures bool      `json:"onlyFailures,omitzero"`
	Added        time.Time `json:"added"`

	// Queued messages wait, Dead ones were tried too often, and Missed ones found
	// the queue full.
	Queued int    `json:"queued"`
	Dead   int    `json:"dead"`
	Missed uint64 `json:"missed,omitzero"`
	// Delivered is when a message last was, since the log started, and FailingSince
	// since when none is, for the Reason given.
	Delivered    time.Time `json:"delivered,omitzero"`
	FailingSince time.Time `json:"failingSince,omitzero"`
	Reason       string    `json:"reason,omitzero"`
}

// NewWebhook is a receiver that was added just now, or was given another secret.
// Secret, whsec_ and base64, signs what is sent to it (package webhook); nobody can
// be told it again. Receivers of other shapes have none.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret,omitzero"`
}

// WebhookListing answers with receivers, in the order in which they were added.
type WebhookListing struct {
	Webhooks []Webhook `json:"webhooks"`
}

// DeadMessage is one that could not be delivered. Its text is made anew when it is
// sent again.
type DeadMessage struct {
	ID       string    `json:"id"` // its webhook-id
	Event    string    `json:"event"`
	Subject  uint64    `json:"subject"` // the index of its entry, if it is about one
	At       time.Time `json:"at"`      // when it happened
	Died     time.Time `json:"died"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"`
}

// DeadListing answers with dead messages, oldest first.
type DeadListing struct {
	Dead []DeadMessage `json:"dead"`
}

// ResendRequest asks for dead messages to be sent again: those with the IDs given,
// or all.
type ResendRequest struct {
	IDs []string `json:"ids,omitzero"`
}

// Resent says how many are.
type Resent struct {
	Resent int `json:"resent"`
}

// AddWebhook adds a receiver.
func (c *Client) AddWebhook(ctx context.Context, r WebhookRequest) (*NewWebhook, error) {
	return ask[NewWebhook](ctx, c, "add webhook", http.MethodPost, RouteWebhooks, r)
}

// Webhooks lists the receivers that the caller's key may manage.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	listing, err := ask[WebhookListing](ctx, c, "list webhooks", http.MethodGet, RouteWebhooks, nil)
	if err != nil {
		return nil, err
	}
	return listing.Webhooks, nil
}

// RemoveWebhook removes a receiver with everything that waits for it.
func (c *Client) RemoveWebhook(ctx context.Context, id uint32) (*Webhook, error) {
	return ask[Webhook](ctx, c, "remove webhook", http.MethodDelete, WebhookRoute(id), nil)
}

// RotateWebhook gives a receiver another secret; for a day both sign.
func (c *Client) RotateWebhook(ctx context.Context, id uint32) (*NewWebhook, error) {
	return ask[NewWebhook](ctx, c, "rotate webhook", http.MethodPost, WebhookRoute(id)+"/rotate", struct{}{})
}

// TestWebhook sends a receiver a message of the type webhook.test.
func (c *Client) TestWebhook(ctx context.Context, id uint32) (*Webhook, error) {
	return ask[Webhook](ctx, c, "test webhook", http.MethodPost, WebhookRoute(id)+"/test", struct{}{})
}

// DeadMessages lists what could not be delivered to a receiver.
func (c *Client) DeadMessages(ctx context.Context, id uint32) ([]DeadMessage, error) {
	listing, err := ask[DeadListing](ctx, c, "list dead messages", http.MethodGet, WebhookRoute(id)+"/dead", nil)
	if err != nil {
		return nil, err
	}
	return listing.Dead, nil
}

// ResendDead sends dead messages again.
func (c *Client) ResendDead(ctx context.Context, id uint32, r ResendRequest) (*Resent, error) {
	return ask[Resent](ctx, c, "resend dead messages", http.MethodPost, WebhookRoute(id)+"/resend", r)
}
