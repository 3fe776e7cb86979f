package api

import (
	"bufio"
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/armalo/receiptlog/client/verdict"
)

// RouteBodies is where bodies are read by their place in the log, many at a
// time: for auditors, who know no run ids. Query parameters: first and count.
// The answer is NDJSON, one [Body] for each receipt entry among those asked
// for, in order; entries of other kinds are passed over.
const RouteBodies = "/api/v1/bodies"

// Query parameters of [RouteBodies].
const (
	QueryFirst = "first"
	QueryCount = "count"
)

// MaxBodies bounds count: a bundle of entries.
const MaxBodies = 256

// CodePrivate says that a receipt is there and not for everybody to read: its
// receipt.publish gate does not allow it, and the caller showed no auditor's
// key.
const CodePrivate verdict.Code = "private"

// Body is what the log answers for one receipt entry. Status is 200 with
// Receipt and Salt, or what a request for it alone would be refused with: 410
// with Erasure, 403 with the code private, 404 or 500 where the log cannot
// show what it should.
type Body struct {
	Index   uint64         `json:"index"`
	Status  int            `json:"status"`
	Receipt jsontext.Value `json:"receipt,omitzero"`
	Salt    string         `json:"salt,omitzero"`    // lower-case hex
	Erasure *uint64        `json:"erasure,omitzero"` // the entry that erased it
	Code    verdict.Code   `json:"code,omitzero"`
}

// Bodies asks for the bodies of count entries from first on and calls visit for
// every line of the answer. The line is only valid within the call. It asks
// again after a failure to reach the log only if visit was not called yet;
// where the answer breaks off later, the caller knows what is missing.
func (c *Client) Bodies(ctx context.Context, first uint64, count int, visit func(Body) error) error {
	for attempt := 1; ; attempt++ {
		seen := false
		wait, err := c.tryBodies(ctx, first, count, func(b Body) error {
			seen = true
			return visit(b)
		})
		if err == nil {
			return nil
		}
		if seen || attempt >= c.opts.Attempts || !retryable(ctx, err) {
			return fmt.Errorf("get bodies: %w", err)
		}
		if err := pause(ctx, attempt, wait); err != nil {
			return fmt.Errorf("get bodies: %w", err)
		}
	}
}

func (c *Client) tryBodies(ctx context.Context, first uint64, count int, visit func(Body) error) (retryAfter, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	values := url.Values{QueryFirst: {strconv.FormatUint(first, 10)}, QueryCount: {strconv.Itoa(count)}}
	resp, err := c.send(ctx, request{method: http.MethodGet, path: RouteBodies, query: values.Encode(), accept: MediaNDJSON})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return parseRetryAfter(resp.Header.Get("Retry-After")), readProblem(resp)
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != MediaNDJSON {
		return 0, fmt.Errorf("the log answered with %q", printable(media))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	lines.Split(wholeLines)
	for lines.Scan() {
		var b Body
		if err := parseReply(lines.Bytes(), &b); err != nil {
			return 0, err
		}
		if err := visit(b); err != nil {
			return 0, err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return 0, fmt.Errorf("%w (over %d bytes a line)", errReplyTooLarge, maxLineBytes)
	} else if err != nil {
		return 0, reachError{err}
	}
	return 0, nil
}
