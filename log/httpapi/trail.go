package httpapi

import (
	"net/http"

	"github.com/armalo/receiptlog/client/api"
)

// Names of acts on the trail that this package does.
const (
	actRules   = "retention.rules"
	actHold    = "retention.hold"
	actErasure = "retention.erase"
)

// onTrail does something that must not go unseen: it is on the trail, durably,
// before it is done, and again with what came of it.
func (h *Handler) onTrail(r *http.Request, act api.Act, do func() (result string, err error)) error {
	ring, caller := h.log.Access(), callerOf(r)
	detail := act.Detail
	act.Detail = "asked: " + detail
	if _, err := ring.Note(caller, act); err != nil {
		return err
	}
	result, failure := do()
	if act.Detail = "done: " + result; failure != nil {
		act.Detail = "not done: " + failure.Error()
	}
	if _, err := ring.Note(caller, act); err != nil {
		return err
	}
	return failure
}
