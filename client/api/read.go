package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Pick says which receipt of a run is meant.
type Pick struct {
	index uint64
	set   bool
}

// Only means the one receipt of the run; where there are several the answer
// is a [*Several].
var Only = Pick{}

// At means the receipt of the run at this index.
func At(index uint64) Pick { return Pick{index: index, set: true} }

func (p Pick) values() url.Values {
	v := url.Values{}
	if p.set {
		v.Set(QueryIndex, strconv.FormatUint(p.index, 10))
	}
	return v
}

// Several is the error where a run has more than one receipt and none was
// picked. All of them are in the listing: two receipts for one run are
// evidence, and whoever asks for the run is shown both.
type Several struct{ Listing RunListing }

func (e *Several) Error() string {
	l := e.Listing
	if len(l.Erased) > 0 {
		return fmt.Sprintf("the log took in %d different receipts for run %q, and has erased %d of them", len(l.Receipts)+len(l.Erased), printable(l.RunID), len(l.Erased))
	}
	return fmt.Sprintf("the log holds %d different receipts for run %q", len(l.Receipts), printable(l.RunID))
}

// Receipt returns the receipt of a run, as the log holds it. A run the log
// does not know, or does not show, is a [*Problem] with the code not_logged.
func (c *Client) Receipt(ctx context.Context, runID string, pick Pick) ([]byte, error) {
	body, err := c.read(ctx, RunRoute(runID), pick.values(), MediaCredential)
	if err != nil {
		return nil, fmt.Errorf("get receipt: %w", err)
	}
	return body, nil
}

// Bundle returns the JSON bundle of a run's receipt.
func (c *Client) Bundle(ctx context.Context, runID string, pick Pick) ([]byte, error) {
	body, err := c.read(ctx, BundleRoute(runID), pick.values(), MediaJSON)
	if err != nil {
		return nil, fmt.Errorf("get bundle: %w", err)
	}
	return body, nil
}

// Proof returns the C2SP tlog-proof of a run's receipt.
func (c *Client) Proof(ctx context.Context, runID string, pick Pick) ([]byte, error) {
	values := pick.values()
	values.Set(QueryFormat, FormatProof)
	body, err := c.read(ctx, BundleRoute(runID), values, MediaProof)
	if err != nil {
		return nil, fmt.Errorf("get proof: %w", err)
	}
	return body, nil
}

func (c *Client) read(ctx context.Context, path string, values url.Values, accept string) ([]byte, error) {
	got, err := c.do(ctx, request{method: http.MethodGet, path: path, query: values.Encode(), accept: accept, limit: maxListingBytes})
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusMultipleChoices {
		return got.body, nil
	}
	several := new(Several)
	if err := parseReply(got.body, &several.Listing); err != nil {
		return nil, err
	}
	return nil, several
}
