package api

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
)

// RouteSearch is where receipts are looked for by what is in them.
const RouteSearch = "/api/v1/receipts"

// QueryCursor is the parameter of [RouteSearch] that goes on after a page, with
// its Found.Next. QueryLimit bounds the receipts of an answer; the others are
// those of package search.
const QueryCursor = "cursor"

const (
	// MaxSearchPage is the most receipts in one JSON answer, about a megabyte.
	MaxSearchPage = 1000
	// MaxSearchStream is the most receipts in one NDJSON answer.
	MaxSearchStream = 1_000_000
	// MaxCursor bounds a cursor, in bytes.
	MaxCursor = 64
)

// CodeCursorInvalid refuses a cursor that the log did not give out, or gave out
// for another search.
const CodeCursorInvalid verdict.Code = "cursor_invalid"

// CodeIndexBehind says that the search index is being built; later it answers.
const CodeIndexBehind verdict.Code = "index_behind"

// Found is one page of an answer to a search, newest first.
type Found struct {
	Receipts []search.Hit `json:"receipts"`
	FoundEnd `json:",inline"`
}

// FoundEnd ends a page, and is the last line of an NDJSON answer.
type FoundEnd struct {
	// Size is that of the published tree that was searched.
	Size uint64 `json:"size"`
	// Next is the cursor of the next page, and empty where there is none. A page
	// may be short, or have no receipts at all, and yet have a next one.
	Next string `json:"next,omitzero"`
	// Error, in an NDJSON answer, says why it ends here; Next is where to go on.
	Error *Problem `json:"error,omitzero"`
}

// maxFoundBytes bounds a page: receipts may list hundreds of models and checks.
const maxFoundBytes = 64 << 20

// SearchPage returns one page of what is found, of at most limit receipts (1 to
// MaxSearchPage). cursor is empty for the first page.
func (c *Client) SearchPage(ctx context.Context, q search.Query, cursor string, limit int) (*Found, error) {
	values := q.Values()
	values.Set(QueryLimit, strconv.Itoa(limit))
	if cursor != "" {
		values.Set(QueryCursor, cursor)
	}
	got, err := c.do(ctx, request{method: http.MethodGet, path: RouteSearch, query: values.Encode(), accept: MediaJSON, limit: maxFoundBytes})
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	page := new(Found)
	if err := json.Unmarshal(got.body, page); err != nil {
		return nil, fmt.Errorf("search: read reply: %w", err)
	}
	if len(page.Receipts) > limit || len(page.Next) > MaxCursor {
		return nil, errors.New("search: the log's reply is not what was asked for")
	}
	return page, nil
}

// Search returns the receipts that match the query, newest first, at most so many
// of them (0: all), page by page as they are asked for. After an error there are no
// more.
func (c *Client) Search(ctx context.Context, q search.Query, most int) iter.Seq2[search.Hit, error] {
	return func(yield func(search.Hit, error) bool) {
		below, left := ^uint64(0), most
		for cursor := ""; ; {
			limit := MaxSearchPage
			if most > 0 {
				limit = min(limit, left)
			}
			page, err := c.SearchPage(ctx, q, cursor, limit)
			if err != nil {
				yield(search.Hit{}, err)
				return
			}
			for _, hit := range page.Receipts {
				// A log that goes round in circles would never end.
				if hit.Index >= below {
					yield(search.Hit{}, fmt.Errorf("search: the log answers out of order, with entry %d after %d", hit.Index, below))
					return
				}
				below = hit.Index
				if !yield(hit, nil) {
					return
				}
			}
			if left -= len(page.Receipts); page.Next == "" || most > 0 && left <= 0 {
				return
			}
			if page.Next == cursor {
				yield(search.Hit{}, errors.New("search: the log's cursor does not move"))
				return
			}
			cursor = page.Next
		}
	}
}
