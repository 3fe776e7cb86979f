package web

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/outbound"
	"github.com/armalo/receiptlog/client/verdict"
)

// maxFetches bounds the requests under way at a time, over all DIDs; more wait
// for their turn.
const maxFetches = 16

// fetch gets the document of id from the web, within the resolver's deadline.
func (r *Resolver) fetch(ctx context.Context, id string) (*did.Document, error) {
	url, err := URL(id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, unavailable(id, "too many other documents are being fetched")
	}
	body, err := r.get(ctx, id, url)
	if err != nil {
		return nil, err
	}
	doc, err := did.ParseDocument(body)
	if err != nil {
		return nil, unavailable(id, "what its site serves is no DID document: "+err.Error())
	}
	// SPEC did:web 2.5.2: the document's id is the DID that was resolved.
	if doc.DID() != id {
		return nil, unavailable(id, fmt.Sprintf("its site serves the document of %.120q", doc.DID()))
	}
	return doc, nil
}

func (r *Resolver) get(ctx context.Context, id, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, verdict.Errorf(verdict.Malformed, "", "%q stands for no URL", id)
	}
	req.Header.Set("Accept", "application/did+json, application/did, application/json;q=0.9")
	req.Header.Set("User-Agent", "receiptlog")
	res, err := r.client.Do(req)
	if err != nil {
		return nil, unavailable(id, outbound.Reason(err))
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%w: the site of %q has no DID document", did.ErrNotFound, id)
	default:
		return nil, unavailable(id, fmt.Sprintf("its site answers with status %d", res.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, did.MaxDocumentBytes+1))
	if err == nil {
		// While the connection is being torn down at the deadline, the site can
		// still end its half-sent body in good form.
		err = ctx.Err()
	}
	if err != nil {
		return nil, unavailable(id, outbound.Reason(err))
	}
	return body, nil
}

// unavailable is the error for all that goes wrong beyond the DID's own form.
func unavailable(id, why string) error {
	return verdict.Errorf(verdict.IssuerUnavailable, "", "cannot resolve %q: %s", id, why)
}
