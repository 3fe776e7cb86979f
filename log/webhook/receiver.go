package webhook

import (
	"encoding/json/v2"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/outbound"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/webhook"
)

// Shapes of messages.
const (
	ShapeGeneric   = "generic"   // signed, as Standard Webhooks describes
	ShapeSlack     = "slack"     // a text, for a Slack incoming webhook
	ShapePagerDuty = "pagerduty" // an event of PagerDuty's Events API v2
)

// pagerDutyURL is where PagerDuty takes events outside of the EU.
const pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

// Bounds of a receiver. A URL with a token in it has some 200 characters.
const (
	maxNameBytes = 128
	maxOrgBytes  = 128
	maxURLBytes  = 2048
	routingBytes = 32 // SPEC Events API v2: an integration key has 32 characters
)

// keepSecret is how long a secret that was replaced is still signed with.
const keepSecret = 24 * time.Hour

// Receiver is an endpoint that messages are sent to.
type Receiver struct {
	ID    uint32    `json:"-"`
	Name  string    `json:"name"`
	Org   string    `json:"org,omitzero"` // "" is the log's operator, who is told of all
	Shape string    `json:"shape"`
	URL   string    `json:"url"` // may hold a token; never shown in full
	Added time.Time `json:"added"`
	// Events are those it wants to hear of, OnlyFailures of runs that failed only.
	Events       []string `json:"events"`
	OnlyFailures bool     `json:"onlyFailures,omitzero"`
	// Secret signs; Former does too until FormerUntil. Of the generic shape only.
	Secret      string    `json:"secret,omitzero"`
	Former      string    `json:"former,omitzero"`
	FormerUntil time.Time `json:"formerUntil,omitzero"`
	// RoutingKey is PagerDuty's.
	RoutingKey string `json:"routingKey,omitzero"`

	wants set
}

// Host is the part of the URL that may be shown.
func (r *Receiver) Host() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// check completes a receiver that somebody asks for, and refuses what cannot work
// with a code and the member that is wrong.
func (r *Receiver) check(allowPrivate bool) error {
	wrong := func(member, format string, args ...any) error {
		return verdict.Errorf(verdict.Malformed, member, format, args...)
	}
	if r.Name == "" || len(r.Name) > maxNameBytes || strings.ContainsFunc(r.Name, unprintable) {
		return wrong("name", "must be 1 to %d bytes of printable text", maxNameBytes)
	}
	if len(r.Org) > maxOrgBytes {
		return wrong("org", "has over %d bytes", maxOrgBytes)
	}
	if r.URL == "" && r.Shape == ShapePagerDuty {
		r.URL = pagerDutyURL
	}
	if why := checkURL(r.URL, allowPrivate); why != "" {
		return wrong("url", "%s", why)
	}
	if len(r.Events) == 0 {
		return wrong("events", "name at least one of %s", strings.Join(Events, ", "))
	}
	for _, e := range r.Events {
		if !slices.Contains(Events, e) {
			return wrong("events", "%.40q is none of %s", e, strings.Join(Events, ", "))
		}
	}
	slices.Sort(r.Events)
	r.Events = slices.Compact(r.Events)
	switch r.Shape {
	case ShapeGeneric, ShapeSlack:
		if r.RoutingKey != "" {
			return wrong("routingKey", "is for the shape pagerduty only")
		}
	case ShapePagerDuty:
		if len(r.RoutingKey) != routingBytes || strings.ContainsFunc(r.RoutingKey, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return wrong("routingKey", "must be the %d characters of an integration key of the Events API v2", routingBytes)
		}
		if slices.Contains(r.Events, ReceiptLogged.String()) {
			return wrong("events", "%s is nothing to call somebody for: a receiver of the shape pagerduty cannot have it", ReceiptLogged)
		}
		r.OnlyFailures = true // nobody is called because a run succeeded
	default:
		return wrong("shape", "must be %s, %s or %s", ShapeGeneric, ShapeSlack, ShapePagerDuty)
	}
	r.wants = setOf(r.Events)
	return nil
}

func unprintable(c rune) bool { return c < ' ' || c == 0x7f || c == '\u2028' || c == '\u2029' }

// checkURL says what is wrong with a receiver's URL, "" if nothing. Where its name
// leads is seen when it is dialled.
func checkURL(text string, allowPrivate bool) string {
	if len(text) > maxURLBytes {
		return fmt.Sprintf("has over %d bytes", maxURLBytes)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "is not an absolute URL"
	case u.Scheme != "https" && !(u.Scheme == "http" && allowPrivate):
		return "must begin with https://"
	case u.User != nil:
		return "must have no user name or password"
	case u.Fragment != "":
		return "must have no fragment"
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !allowPrivate && !outbound.IsPublic(addr) {
		return "is at an address that is not public"
	}
	return ""
}

// secrets returns those to sign with at that time.
func (r *Receiver) secrets(now time.Time) (all []webhook.Secret) {
	for _, text := range []string{r.Secret, r.Former} {
		if text == r.Former && !now.Before(r.FormerUntil) {
			continue
		}
		if s, err := webhook.ParseSecret(text); err == nil {
			all = append(all, s)
		}
	}
	return all
}

// parseReceiver reads what marshal wrote.
func parseReceiver(id uint32, note []byte) (*Receiver, error) {
	r := &Receiver{ID: id}
	if err := json.Unmarshal(note, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("receiver %d: %w", id, err)
	}
	r.wants = setOf(r.Events)
	return r, nil
}

func (r *Receiver) marshal() []byte {
	note, err := json.Marshal(r)
	if err != nil {
		panic("webhook: " + err.Error()) // texts and times: cannot fail
	}
	return note
}
