package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// maxHistoryBytes bounds a page of kept checkpoints: a thousand, each with four
// signatures of the largest kind.
const maxHistoryBytes = 16 << 20

// Kept returns up to limit of the checkpoints that the log published and keeps,
// oldest first, unverified: from the first one of a tree of that size on, and
// behind the one published at after, the member At of a line, where that is not
// "".
func (c *Client) Kept(ctx context.Context, from uint64, after string, limit int) ([]KeptCheckpoint, error) {
	query := url.Values{QueryFrom: {strconv.FormatUint(from, 10)}, QueryLimit: {strconv.Itoa(limit)}}
	if after != "" {
		query.Set(QueryAfter, after)
	}
	got, err := c.do(ctx, request{method: http.MethodGet, path: RouteHistory, query: query.Encode(), limit: maxHistoryBytes})
	if err != nil {
		return nil, fmt.Errorf("get kept checkpoints: %w", err)
	}
	var kept []KeptCheckpoint
	for line := range bytes.Lines(got.body) {
		var k KeptCheckpoint
		if err := parseReply(line, &k); err != nil {
			return nil, fmt.Errorf("get kept checkpoints: %w", err)
		}
		kept = append(kept, k)
	}
	return kept, nil
}
