package api

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"net/http"

	"github.com/armalo/receiptlog/client/verdict"
)

// Submit logs one receipt and waits until it is under a published checkpoint.
// The result's bundle is as the log sent it: verify it before relying on it.
func (c *Client) Submit(ctx context.Context, receipt []byte) (*SubmitResult, error) {
	got, err := c.do(ctx, request{method: http.MethodPost, path: RouteReceipts, contentType: MediaCredential,
		accept: MediaJSON, body: receipt, limit: maxBundleBytes})
	if err != nil {
		return nil, fmt.Errorf("submit receipt: %w", err)
	}
	var result SubmitResult
	if err := parseReply(got.body, &result); err != nil {
		return nil, fmt.Errorf("submit receipt: %w", err)
	}
	if len(result.Bundle) == 0 {
		return nil, fmt.Errorf("submit receipt: the log's reply has no bundle")
	}
	return &result, nil
}

// SubmitAsync logs one receipt and returns once it is durably sequenced. A log
// that has published it already may be asked for its bundle at once.
func (c *Client) SubmitAsync(ctx context.Context, receipt []byte) (*Sequenced, error) {
	got, err := c.do(ctx, request{method: http.MethodPost, path: RouteReceipts, contentType: MediaCredential,
		accept: MediaJSON, prefer: PreferAsync, body: receipt, limit: maxBundleBytes})
	if err != nil {
		return nil, fmt.Errorf("submit receipt: %w", err)
	}
	if got.status == http.StatusAccepted {
		var s Sequenced
		if err := parseReply(got.body, &s); err != nil {
			return nil, fmt.Errorf("submit receipt: %w", err)
		}
		return &s, nil
	}
	// The log may ignore the preference (RFC 7240) and answer in full.
	var result SubmitResult
	if err := parseReply(got.body, &result); err != nil {
		return nil, fmt.Errorf("submit receipt: %w", err)
	}
	return &Sequenced{Index: result.Index, RunID: result.RunID, Status: StatusSequenced, ReceiptHash: result.ReceiptHash}, nil
}

// VerifyExternal asks the log for its verdict on any receipt.
func (c *Client) VerifyExternal(ctx context.Context, req VerifyRequest) (*verdict.Verdict, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("verify receipt: %w", err)
	}
	got, err := c.do(ctx, request{method: http.MethodPost, path: RouteVerifyExternal, contentType: MediaJSON,
		accept: MediaJSON, body: body, limit: maxBundleBytes})
	if err != nil {
		return nil, fmt.Errorf("verify receipt: %w", err)
	}
	v := verdict.New()
	if err := parseReply(got.body, v); err != nil {
		return nil, fmt.Errorf("verify receipt: %w", err)
	}
	return v, nil
}

// parseReply decodes a JSON reply. Members that a newer log adds are ignored.
func parseReply(body []byte, out any) error {
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("parse the log's reply: %w", err)
	}
	return nil
}
