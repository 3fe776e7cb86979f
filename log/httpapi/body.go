package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

// mediaType returns the media type of a request's body, which must be one of
// allowed. Bodies with a content coding are refused: nothing here inflates
// what a stranger compressed.
func mediaType(r *http.Request, allowed ...string) (string, error) {
	media := r.Header.Get("Content-Type")
	if !slices.Contains(allowed, media) {
		var params map[string]string
		var err error
		if media, params, err = mime.ParseMediaType(media); err != nil {
			media = ""
		}
		if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
			media = ""
		}
	}
	if !slices.Contains(allowed, media) {
		return "", verdict.Errorf(api.CodeUnsupportedMediaType, "", "the body must be %s, in UTF-8", strings.Join(allowed, " or "))
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return "", verdict.Errorf(api.CodeUnsupportedMediaType, "", "the body must not have a content coding")
	}
	return media, nil
}

// readBody reads a body of at most limit bytes, which must arrive in time.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	return h.readInto(nil, w, r, limit)
}

// readInto is readBody into the memory of dst as far as that goes.
func (h *Handler) readInto(dst []byte, w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if err := readDeadline(w, time.Now().Add(h.timeouts.body)); err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(dst[:0])
	// A length is only announced: beyond this much, memory follows the bytes.
	buf.Grow(int(min(max(r.ContentLength, 0), 32<<10)) + bytes.MinRead)
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return nil, bodyError(err)
	}
	// From here on net/http listens for the client going away, however long the
	// answer takes.
	return buf.Bytes(), readDeadline(w, time.Time{})
}

// swallow reads what a refused request has left of its body, and reports whether
// that was all. Many clients send to the end before they listen: to one that is
// cut off the answer is lost, and why it was refused with it.
func (h *Handler) swallow(w http.ResponseWriter, r *http.Request, refusal error) bool {
	if r.ContentLength == 0 {
		return true
	}
	if r.Header.Get("Expect") != "" || errors.Is(refusal, os.ErrDeadlineExceeded) {
		return false // it waits to be told to send, or has had its time
	}
	if readDeadline(w, time.Now().Add(h.timeouts.swallow)) != nil {
		return false
	}
	if _, err := io.CopyN(io.Discard, r.Body, maxSwallowed); err != io.EOF {
		return false
	}
	return readDeadline(w, time.Time{}) == nil
}

// bodyError tells a body that broke off from one that was too large or slow.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return verdict.Errorf(verdict.Malformed, "", "the body ended too early")
	}
	return err
}

// readDeadline lets reads of the body fail with os.ErrDeadlineExceeded from
// then on. The zero time means never.
func readDeadline(w http.ResponseWriter, then time.Time) error {
	err := http.NewResponseController(w).SetReadDeadline(then)
	if errors.Is(err, http.ErrNotSupported) {
		return nil // not on a real connection
	}
	return err
}
