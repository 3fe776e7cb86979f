package httpapi

import (
	"bufio"
	"fmt"
	"net/http"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
)

// maxExports at a time: each keeps all processors busy that it can get.
const maxExports = 2

// actExport is its name on the trail.
const actExport = "receipts.export"

// newExportRoute is the route of exports. Its name may also be that of a run.
func (h *Handler) newExportRoute() *route {
	exports := newGate(maxExports)
	return newRoute("export", nil, false, map[string]serveFunc{
		http.MethodGet: h.serveNamesake,
		http.MethodPost: func(w http.ResponseWriter, r *http.Request, arg string) error {
			if !exports.enter() {
				return log.ErrOverloaded
			}
			defer exports.leave()
			return h.serveExport(w, r, arg)
		},
	})
}

// serveExport streams every receipt of an organisation in a time as a
// procurement archive. Private ones are in it if the key also reads them.
func (h *Handler) serveExport(w http.ResponseWriter, r *http.Request, _ string) error {
	var req api.ExportRequest
	if err := h.readRequest(w, r, &req); err != nil {
		return err
	}
	caller := callerOf(r)
	if !receipt.IsOrg(req.Org) {
		return verdict.Errorf(verdict.Malformed, "org", "must name an organisation as its receipts do")
	}
	if err := onlyOwn(caller, req.Org); err != nil {
		return err
	}
	if req.From.Nanosecond() != 0 || req.To.Nanosecond() != 0 {
		return verdict.Errorf(verdict.Malformed, "from", "from and to must be in whole seconds, as the times of entries are")
	}
	if !req.To.IsZero() && !req.From.Before(req.To) {
		return verdict.Errorf(verdict.Malformed, "to", "must be after from")
	}
	if _, err := h.log.Handle(req.Org); err != nil {
		return err
	}
	if h.opts.Frugal != nil {
		defer h.opts.Frugal()()
	}
	out := &exportWriter{h: h, w: w}
	act := api.Act{Act: actExport, Org: req.Org, Detail: fmt.Sprintf("from %s to %s", bound(req.From), bound(req.To))}
	err := h.onTrail(r, act, func() (string, error) {
		buffer := bufio.NewWriterSize(out, flushBytes)
		done, err := h.log.Export(r.Context(), buffer, log.Export{Org: req.Org, From: req.From, To: req.To, View: viewOf(caller)})
		if err == nil {
			err = buffer.Flush()
		}
		return fmt.Sprintf("%d receipts, %d absent", done.Receipts, done.Absent), err
	})
	if err != nil && out.begun {
		// The client must not take what it has for an archive.
		h.opts.Logger.Warn("export broke off", "error", err, "request", w.Header().Get("X-Request-Id"))
		panic(http.ErrAbortHandler)
	}
	return err
}

func bound(t time.Time) string {
	if t.IsZero() {
		return "any time"
	}
	return t.UTC().Format(time.RFC3339)
}

// exportWriter begins the answer with the first bytes, and gives the client time
// for each piece, however long all of them take.
type exportWriter struct {
	h     *Handler
	w     http.ResponseWriter
	begun bool
}

// Write implements io.Writer.
func (e *exportWriter) Write(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		header := e.w.Header()
		header.Set("Content-Type", api.MediaZip)
		header.Set("Content-Disposition", `attachment; filename="procurement.zip"`)
		header.Set("Cache-Control", "no-store")
	}
	_ = http.NewResponseController(e.w).SetWriteDeadline(time.Now().Add(e.h.timeouts.write)) // else the one set at first stands
	return e.w.Write(p)
}
