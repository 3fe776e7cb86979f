package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// maxLineBytes bounds one line of an NDJSON reply: a bundle and little else.
const maxLineBytes = maxBundleBytes + maxProblemBytes

// submitBatch sends what is unanswered until all of it is answered, or until
// Options.Attempts in a row have brought no answer at all.
func (c *Client) submitBatch(ctx context.Context, b *batch, async bool) error {
	for attempt := 1; ; attempt++ {
		before := b.pending()
		if len(before) == 0 {
			return nil
		}
		wait, err := c.tryBatch(ctx, b, before, async)
		if err != nil && !retryable(ctx, err) {
			return fmt.Errorf("submit receipts: %w", err)
		}
		after := b.pending()
		if len(after) == 0 {
			return nil
		}
		if len(after) < len(before) {
			attempt = 1 // it moves
		}
		if err == nil {
			err = NewProblem(http.StatusServiceUnavailable, CodeOverloaded, "", "the log left receipts unanswered")
		}
		if attempt >= c.opts.Attempts {
			return fmt.Errorf("submit receipts: %w", err)
		}
		if err := pause(ctx, attempt, wait); err != nil {
			return fmt.Errorf("submit receipts: %w", err)
		}
	}
}

// pending lists the receipts without an answer.
func (b *batch) pending() []int {
	var at []int
	for i, line := range b.lines {
		if line == nil {
			at = append(at, i)
		}
	}
	return at
}

// tryBatch sends the receipts at the given places once and notes the answers.
func (c *Client) tryBatch(ctx context.Context, b *batch, at []int, async bool) (retryAfter, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	resp, err := c.send(ctx, b.request(at, async))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	wait := parseRetryAfter(resp.Header.Get("Retry-After"))
	if resp.StatusCode >= 400 {
		return wait, readProblem(resp)
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != MediaNDJSON {
		return 0, fmt.Errorf("the log answered NDJSON with %q", media)
	}
	return wait, b.read(resp.Body, at)
}

func (b *batch) request(at []int, async bool) request {
	var body bytes.Buffer
	body.Grow(b.size)
	for _, i := range at {
		body.Write(b.receipts[i])
		body.WriteByte('\n')
	}
	r := request{method: http.MethodPost, path: RouteReceipts, contentType: MediaNDJSON, accept: MediaNDJSON, body: body.Bytes()}
	if async {
		r.prefer = PreferAsync
	}
	return r
}

// read notes the answers to the receipts sent. A reply that breaks off leaves
// the rest pending; one that answers out of order is refused.
func (b *batch) read(body io.Reader, at []int) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	lines.Split(wholeLines)
	for n := 0; lines.Scan(); n++ {
		line, err := parseLine(lines.Bytes())
		if err != nil {
			return err
		}
		if n >= len(at) || line.Line != n+1 {
			return fmt.Errorf("the log answered line %d where line %d was due", line.Line, n+1)
		}
		if busy(line.Status) {
			continue // stays pending
		}
		line.Line = b.first + at[n]
		b.lines[at[n]] = line
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%w (over %d bytes a line)", errReplyTooLarge, maxLineBytes)
	} else if err != nil {
		return reachError{err}
	}
	return nil
}

// wholeLines is a bufio.SplitFunc for lines that end in a newline. What a
// connection that broke off left of a line is dropped.
func wholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}

// parseLine reads one line of an NDJSON reply.
func parseLine(data []byte) (*Line, error) {
	line := new(Line)
	if err := parseReply(data, line); err != nil {
		return nil, err
	}
	if (line.SubmitResult == nil) == (line.Error == nil) {
		return nil, errors.New("parse the log's reply: a line must have either a result or an error")
	}
	if line.Error != nil {
		line.Error.Detail, line.Error.Path = printable(line.Error.Detail), printable(line.Error.Path)
	}
	return line, nil
}
