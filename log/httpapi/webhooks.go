package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/outbox"
)

// maxWebhookRequests at a time: each change is one sync of the disk, and there are
// few administrators.
const maxWebhookRequests = 8

// Names of acts on the trail.
const (
	actWebhookAdd    = "webhook.add"
	actWebhookRemove = "webhook.remove"
	actWebhookRotate = "webhook.rotate"
	actWebhookResend = "webhook.resend"
)

// webhookRoutes are the routes by which receivers are managed.
type webhookRoutes struct {
	all, one *route
	below    map[string]*route // by the last segment of the path
}

func (h *Handler) newWebhookRoutes() webhookRoutes {
	few := newGate(maxWebhookRequests)
	post := func(name string, f serveFunc) *route {
		return newRoute(name, few, false, map[string]serveFunc{http.MethodPost: f})
	}
	return webhookRoutes{
		all: newRoute("webhooks", few, false, map[string]serveFunc{
			http.MethodGet: h.serveWebhooks, http.MethodPost: h.serveAddWebhook}),
		one: newRoute("webhook", few, false, map[string]serveFunc{
			http.MethodGet: h.serveWebhook, http.MethodDelete: h.serveRemoveWebhook}),
		below: map[string]*route{
			"rotate": post("webhook_rotate", h.serveRotateWebhook),
			"test":   post("webhook_test", h.serveTestWebhook),
			"resend": post("webhook_resend", h.serveResend),
			"dead":   newRoute("webhook_dead", few, false, map[string]serveFunc{http.MethodGet: h.serveDead}),
		},
	}
}

// list returns all of them.
func (x *webhookRoutes) list() []*route {
	list := []*route{x.all, x.one}
	for _, r := range x.below {
		list = append(list, r)
	}
	return list
}

// match finds the route of a path, and the number of the receiver in it.
func (x *webhookRoutes) match(path string) (r *route, id string, ok bool) {
	if path == api.RouteWebhooks {
		return x.all, "", true
	}
	id, ok = strings.CutPrefix(path, api.RouteWebhooks+"/")
	if !ok {
		return nil, "", false
	}
	id, last, deeper := strings.Cut(id, "/")
	if deeper {
		r = x.below[last]
	} else {
		r = x.one
	}
	return r, id, r != nil && id != ""
}

// receiver finds the receiver with that number among those that the caller may
// manage. To others it is not there.
func (h *Handler) receiver(r *http.Request, id string) (webhook.Status, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != id {
		return webhook.Status{}, verdict.Errorf(verdict.Malformed, "id", "must be the number of a webhook, in decimal")
	}
	s, err := h.log.Webhooks().Get(uint32(n))
	if err == nil && !callerOf(r).Covers(s.Org) {
		err = verdict.Errorf(api.CodeNoSuchWebhook, "", "there is no webhook %d", n)
	}
	return s, err
}

// shown is what may be told of a receiver.
func shown(s webhook.Status) api.Webhook {
	return api.Webhook{
		ID: s.ID, Name: s.Name, Org: s.Org, Shape: s.Shape, Host: s.Host(), Events: s.Events, OnlyFailures: s.OnlyFailures, Added: s.Added,
		Queued: s.Queued, Dead: s.Counts.Dead, Missed: s.Missed, Delivered: s.Delivered, FailingSince: s.FailingSince, Reason: s.Reason,
	}
}

// serveWebhooks answers GET of all receivers that the caller may manage.
func (h *Handler) serveWebhooks(w http.ResponseWriter, r *http.Request, _ string) error {
	caller, listing := callerOf(r), api.WebhookListing{Webhooks: []api.Webhook{}}
	for _, s := range h.log.Webhooks().List() {
		if caller.Covers(s.Org) {
			listing.Webhooks = append(listing.Webhooks, shown(s))
		}
	}
	return serveJSON(w, http.StatusOK, listing)
}

// serveAddWebhook answers POST of a request for a receiver with it and, of the
// generic shape, its secret, which is shown here and never again.
func (h *Handler) serveAddWebhook(w http.ResponseWriter, r *http.Request, _ string) error {
	var req api.WebhookRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	if err := onlyOwn(callerOf(r), req.Org); err != nil {
		return err
	}
	var answer api.NewWebhook
	err := h.onTrail(r, api.Act{Act: actWebhookAdd, Org: req.Org, Detail: fmt.Sprintf("%.100q", req.Name)}, func() (string, error) {
		added, secret, err := h.log.Webhooks().Add(webhook.Receiver{
			Name: req.Name, Org: req.Org, Shape: req.Shape, URL: req.URL, Events: req.Events, OnlyFailures: req.OnlyFailures, RoutingKey: req.RoutingKey,
		})
		answer = api.NewWebhook{Webhook: shown(webhook.Status{Receiver: added}), Secret: secret}
		return fmt.Sprintf("webhook %d at %s", added.ID, added.Host()), err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", api.WebhookRoute(answer.ID))
	return serveJSON(w, http.StatusCreated, answer)
}

// serveWebhook answers GET of one receiver.
func (h *Handler) serveWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	s, err := h.receiver(r, id)
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, shown(s))
}

// serveRemoveWebhook answers DELETE of a receiver.
func (h *Handler) serveRemoveWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	s, err := h.receiver(r, id)
	if err != nil {
		return err
	}
	err = h.onTrail(r, act(actWebhookRemove, s), func() (string, error) { return "", h.log.Webhooks().Remove(s.ID) })
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, shown(s))
}

// act is an act on a receiver, for the trail.
func act(name string, s webhook.Status) api.Act {
	return api.Act{Act: name, Org: s.Org, Subject: fmt.Sprint("webhook ", s.ID), Detail: fmt.Sprintf("%.100q", s.Name)}
}

// serveRotateWebhook answers POST of a request for another secret.
func (h *Handler) serveRotateWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	s, err := h.receiver(r, id)
	if err != nil {
		return err
	}
	var secret string
	err = h.onTrail(r, act(actWebhookRotate, s), func() (_ string, err error) {
		secret, err = h.log.Webhooks().Rotate(s.ID)
		return "", err
	})
	if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, api.NewWebhook{Webhook: shown(s), Secret: secret})
}

// serveTestWebhook answers POST of a request for a message to try a receiver with.
func (h *Handler) serveTestWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	s, err := h.receiver(r, id)
	if err != nil {
		return err
	}
	if err := h.log.Webhooks().Try(s.ID); err != nil {
		return err
	}
	return serveJSON(w, http.StatusAccepted, shown(s))
}

// serveDead answers GET of the dead messages of a receiver.
func (h *Handler) serveDead(w http.ResponseWriter, r *http.Request, id string) error {
	s, err := h.receiver(r, id)
	if err != nil {
		return err
	}
	dead, err := h.log.Webhooks().Dead(s.ID)
	if err != nil {
		return err
	}
	listing := api.DeadListing{Dead: make([]api.DeadMessage, len(dead))}
	for i, d := range dead {
		listing.Dead[i] = api.DeadMessage(d)
	}
	return serveJSON(w, http.StatusOK, listing)
}

// serveResend answers POST of a request to send dead messages again.
func (h *Handler) serveResend(w http.ResponseWriter, r *http.Request, id string) error {
	var req api.ResendRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	s, err := h.receiver(r, id)
	if err != nil {
		return err
	}
	var n int
	err = h.onTrail(r, act(actWebhookResend, s), func() (_ string, err error) {
		n, err = h.log.Webhooks().Resend(s.ID, req.IDs)
		return fmt.Sprint(n, " messages"), err
	})
	if errors.Is(err, outbox.ErrFull) {
		return verdict.Errorf(api.CodeOverloaded, "", "%d messages are queued, and the queue has no room for more", n)
	} else if err != nil {
		return err
	}
	return serveJSON(w, http.StatusOK, api.Resent{Resent: n})
}
