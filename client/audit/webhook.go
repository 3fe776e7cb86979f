package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Webhook posts alerts, signed as Standard Webhooks 1.0 describes: the headers
// webhook-id, webhook-timestamp (unix seconds) and webhook-signature, which is
// "v1," and the base64 of HMAC-SHA256 over "<id>.<timestamp>.<body>". A
// receiver drops an id that it has seen.
type Webhook struct {
	URL    string
	Secret []byte // at least 24 bytes
	Client *http.Client
	Now    func() time.Time
}

const (
	// minSecretBytes: SPEC Standard Webhooks: secrets are 24 to 64 bytes.
	minSecretBytes = 24
	// webhookTimeout is the longest that a receiver may take to say yes.
	webhookTimeout = 20 * time.Second
)

// Tell posts one alert. An answer other than 2xx is an error.
func (w *Webhook) Tell(ctx context.Context, alert Alert) error {
	if len(w.Secret) < minSecretBytes {
		return fmt.Errorf("the webhook's secret has %d bytes, and at least %d are needed", len(w.Secret), minSecretBytes)
	}
	body, err := json.Marshal(alert)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(w.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", alert.ID)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", "v1,"+sign(w.Secret, alert.ID, at, body))
	resp, err := w.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the webhook's receiver answered %s", resp.Status)
	}
	return nil
}

func sign(secret []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.", id, at)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
