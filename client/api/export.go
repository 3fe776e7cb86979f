package api

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"time"
)

// RouteExport is where receipts are exported: POST an ExportRequest.
const RouteExport = RouteReceipts + "/export"

// MediaZip is the media type of a procurement archive.
const MediaZip = "application/zip"

// ExportRequest asks for every receipt of an organisation in a time, as a
// procurement archive: see package procurement. It wants a key with the scope
// receipts:export; private receipts are in it if the key has receipts:read too.
type ExportRequest struct {
	Org  string    `json:"org"`           // by name
	From time.Time `json:"from,omitzero"` // logged at or after; zero: from the first
	To   time.Time `json:"to,omitzero"`   // logged before; zero: to the last
}

// Export writes a procurement archive to w as it comes. It takes as long as ctx
// lets it. If it fails, what was written is no archive; nothing is asked again.
func (c *Client) Export(ctx context.Context, r ExportRequest, w io.Writer) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("export receipts: %w", err)
	}
	resp, err := c.send(ctx, request{method: http.MethodPost, path: RouteExport, contentType: MediaJSON, accept: MediaZip, body: body})
	if err != nil {
		return fmt.Errorf("export receipts: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("export receipts: %w", readProblem(resp))
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("export receipts: %w", reachError{err})
	}
	return nil
}
