package httpapi

import (
	"encoding/json/v2"
	"errors"
	"net/http"
	"strconv"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

// serveVerifyExternal answers with the verdict on any receipt.
func (h *Handler) serveVerifyExternal(w http.ResponseWriter, r *http.Request, _ string) error {
	if _, err := mediaType(r, api.MediaJSON); err != nil {
		return err
	}
	data, err := h.readBody(w, r, maxExternalBody)
	if err != nil {
		return err
	}
	req, err := parseVerifyRequest(data)
	if err != nil {
		return err
	}
	var diff *[32]byte
	if req.Diff != nil {
		sum := req.Diff.Sum()
		diff = &sum
	}
	body, err := json.Marshal(h.log.VerifyExternal(r.Context(), req.Receipt, req.Bundle, diff))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", api.MediaJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
	return nil
}

// parseVerifyRequest reads the request strictly: whoever misspells "bundle"
// must not take the verdict for one on the bundle. Receipt and bundle are
// judged by the verifier.
func parseVerifyRequest(data []byte) (*api.VerifyRequest, error) {
	req := new(api.VerifyRequest)
	if err := json.Unmarshal(data, req, json.RejectUnknownMembers(true)); err != nil {
		if coded, ok := errors.AsType[*verdict.Error](err); ok {
			return nil, coded
		}
		return nil, verdict.Errorf(verdict.Malformed, "", "%v", err)
	}
	if req.Receipt == nil {
		return nil, verdict.Errorf(verdict.Malformed, "receipt", "is missing")
	}
	return req, nil
}
