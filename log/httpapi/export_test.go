package httpapi

import "time"

// SetTimeouts shortens what tests would otherwise wait for.
func (h *Handler) SetTimeouts(body, line, publish, write time.Duration) {
	h.timeouts = timeouts{body: body, swallow: body, line: line, publish: publish, write: write}
}

// What tests in httpapi_test look at.
var (
	AppendResult = appendResult
	Statuses     = statuses
)
