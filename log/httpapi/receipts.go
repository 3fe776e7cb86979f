package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"net/http"
	"strings"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
)

// cacheChecked lets caches keep an answer as long as they ask whether it still
// stands: a receipt may get a rival, or be erased.
const cacheChecked = "public, no-cache"

// cacheOf keeps what was shown with a key out of caches that others use.
func cacheOf(r *http.Request) string {
	if callerOf(r).Anybody() {
		return cacheChecked
	}
	return "private, no-cache"
}

// serveReceipt answers GET of a run: its receipt, or the list of them where
// there are several.
func (h *Handler) serveReceipt(w http.ResponseWriter, r *http.Request, runID string) error {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if q.format != "" {
		return verdict.Errorf(verdict.Malformed, "query.format", "is for bundles only")
	}
	found, erased, err := h.visible(r, runID, q)
	if err != nil {
		return h.gone(r, err)
	}
	if len(found)+len(erased) > 1 {
		return serveListing(w, r, runID, found, erased)
	}
	w.Header().Set("Link", "<"+bundleURL(runID, found[0].Index)+`>; rel="describedby"; type="`+api.MediaJSON+`"`)
	serveTagged(w, r, http.StatusOK, api.MediaCredential, found[0].Receipt.Canonical())
	return nil
}

// serveNamesake answers GET of the run that has the name of a route.
func (h *Handler) serveNamesake(w http.ResponseWriter, r *http.Request, _ string) error {
	return h.serveReceipt(w, r, strings.TrimPrefix(r.URL.Path, api.RouteReceipts+"/"))
}

// serveBundle answers GET of a run's bundle, as JSON or as a tlog-proof.
func (h *Handler) serveBundle(w http.ResponseWriter, r *http.Request, runID string) error {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	found, erased, err := h.visible(r, runID, q)
	if err != nil {
		return h.gone(r, err)
	}
	if len(found)+len(erased) > 1 {
		return serveListing(w, r, runID, found, erased)
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.timeouts.publish)
	defer cancel()
	b, err := h.log.Bundle(ctx, found[0].Index)
	if err != nil {
		return h.gone(r, err)
	}
	w.Header().Add("Vary", "Accept")
	if q.format == api.FormatProof || q.format == "" && wantsProof(r.Header.Values("Accept")) {
		serveTagged(w, r, http.StatusOK, api.MediaProof, b.TlogProof().Marshal())
	} else {
		serveTagged(w, r, http.StatusOK, api.MediaJSON, b.Marshal())
	}
	return nil
}

// visible returns the receipts of a run that the caller may see, and those that
// were erased, or the one that was picked. If all of them were erased the error
// says by which entry. There is at least one otherwise: a run with none, or with
// none but what the caller may not see, is not_logged, in the same words and
// after the same work.
func (h *Handler) visible(r *http.Request, runID string, q query) (found []*log.Stored, erased []*log.ErasedError, err error) {
	view := viewOf(callerOf(r))
	stored, err := h.log.Run(r.Context(), runID, view)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range stored {
		if !q.picked || s.Index == q.index {
			found = append(found, s)
		}
	}
	gone, err := h.log.ErasedRun(runID, view)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range gone {
		if !q.picked || e.Index == q.index {
			erased = append(erased, e)
		}
	}
	switch {
	case len(found) > 0:
		return found, erased, nil
	case len(erased) > 0:
		return nil, nil, erased[0]
	}
	return nil, nil, verdict.Errorf(verdict.NotLogged, "", "this log shows no such receipt")
}

// serveListing answers with every receipt of a run, and which were erased: two for
// one run are evidence, and whoever asks is shown both.
func serveListing(w http.ResponseWriter, r *http.Request, runID string, found []*log.Stored, erased []*log.ErasedError) error {
	listing := api.RunListing{RunID: runID}
	for _, e := range erased {
		listing.Erased = append(listing.Erased, api.RunErased{Index: e.Index, Erasure: e.Erasure})
	}
	for _, s := range found {
		listing.Receipts = append(listing.Receipts, api.RunReceipt{
			Index:     s.Index,
			Receipt:   jsontext.Value(s.Receipt.Canonical()),
			BundleURL: bundleURL(runID, s.Index),
		})
	}
	body, err := json.Marshal(listing)
	if err != nil {
		return err
	}
	serveTagged(w, r, http.StatusMultipleChoices, api.MediaJSON, body)
	return nil
}

// serveTagged answers with a body whose tag is its hash.
func serveTagged(w http.ResponseWriter, r *http.Request, status int, media string, body []byte) {
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", cacheOf(r))
	w.Header().Add("Vary", "Authorization")
	serveBytes(w, r, status, quoteTag(hex.EncodeToString(sum[:16])), body)
}
