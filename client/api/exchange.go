package api

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
)

// Bounds on replies, so that a hostile log cannot exhaust the caller.
const (
	maxProblemBytes    = 64 << 10                          // a sentence or two, and a path
	maxBundleBytes     = bundle.MaxBytes + maxProblemBytes // and what stands around it
	maxListingBytes    = 64 << 20                          // some tens of the largest receipts for one run
	maxCheckpointBytes = checkpoint.MaxSignedBytes
	maxTileBytes       = tile.Width * checkpoint.HashSize
	maxEntriesBytes    = tile.Width * (2 + entry.MaxBytes) // each with its length before it
)

// errReplyTooLarge is wrapped where a reply is over its bound.
var errReplyTooLarge = errors.New("the log's reply is larger than it can rightly be")

// request is one thing to ask of the log, as often as it takes.
type request struct {
	method, path string
	query        string
	contentType  string
	accept       string
	prefer       string
	body         []byte
	limit        int64 // of a reply that is not a problem
}

// reply is an answer of the log that is not a refusal.
type reply struct {
	status int
	body   []byte
}

// do asks until an answer comes that is not worth asking again for.
func (c *Client) do(ctx context.Context, r request) (*reply, error) {
	for attempt := 1; ; attempt++ {
		got, wait, err := c.try(ctx, r)
		if err == nil {
			return got, nil
		}
		if attempt >= c.opts.Attempts || !retryable(ctx, err) {
			return nil, fmt.Errorf("%s %s: %w", r.method, c.base+r.path, err)
		}
		if err := pause(ctx, attempt, wait); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, c.base+r.path, err)
		}
	}
}

// try asks once and reads the whole reply.
func (c *Client) try(ctx context.Context, r request) (*reply, retryAfter, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return nil, parseRetryAfter(resp.Header.Get("Retry-After")), readProblem(resp)
	}
	body, err := readBounded(resp.Body, resp.ContentLength, r.limit)
	if err != nil {
		return nil, 0, fmt.Errorf("read reply: %w", err)
	}
	return &reply{status: resp.StatusCode, body: body}, 0, nil
}

func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	target := c.base + r.path
	if r.query != "" {
		target += "?" + r.query
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.opts.UserAgent)
	if c.opts.Token != "" {
		// net/http drops it on a redirect to another host.
		req.Header.Set("Authorization", "Bearer "+c.opts.Token)
	}
	for name, value := range map[string]string{"Content-Type": r.contentType, "Accept": r.accept, "Prefer": r.prefer} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, reachError{err}
	}
	return resp, nil
}

// readBounded reads a body of at most limit bytes. announced is its length, if
// it was announced: then it is read without growing a buffer on the way.
func readBounded(r io.Reader, announced, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if announced > 0 && announced <= limit {
		buf.Grow(int(announced) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, reachError{err}
	}
	body := buf.Bytes()
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w (over %d bytes)", errReplyTooLarge, limit)
	}
	return body, nil
}

// readProblem reads a refusal. What is no problem document, as from a proxy in
// between, becomes one with the code internal.
func readProblem(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblemBytes))
	if err != nil {
		return reachError{err}
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == MediaProblem {
		if p, err := parseProblem(body); err == nil {
			p.Status = resp.StatusCode
			return p
		}
	}
	detail := fmt.Sprintf("HTTP status %s", resp.Status)
	if text := firstLine(body); text != "" {
		detail += ": " + text
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode, Detail: detail, Code: verdict.Internal}
}

func parseProblem(body []byte) (*Problem, error) {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("parse problem document: %w", err)
	}
	if p.Code == "" {
		return nil, errors.New("parse problem document: no code")
	}
	p.Title, p.Detail, p.Path = printable(p.Title), printable(p.Detail), printable(p.Path)
	p.Code = verdict.Code(printable(string(p.Code)))
	return &p, nil
}

// maxQuoted bounds what is quoted of a reply that we do not understand.
const maxQuoted = 200

func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	line = printable(line)
	if len(line) > maxQuoted {
		line = strings.ToValidUTF8(line[:maxQuoted], "") + "..."
	}
	return line
}

// printable keeps a hostile log from steering the caller's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
