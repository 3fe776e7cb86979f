package audit

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/armalo/receiptlog/client/webhook"
)

// Webhook posts alerts, signed as package webhook describes. A receiver drops an
// id that it has seen.
type Webhook struct {
	URL    string
	Secret webhook.Secret
	Client *http.Client
	Now    func() time.Time
}

// webhookTimeout is the longest that a receiver may take to say yes.
const webhookTimeout = 20 * time.Second

// Tell posts one alert. An answer other than 2xx is an error.
func (w *Webhook) Tell(ctx context.Context, alert Alert) error {
	if w.Secret.IsZero() {
		return errors.New("the webhook has no secret to sign with")
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
	req.Header.Set("Content-Type", "application/json")
	webhook.Sign(req.Header.Set, alert.ID, w.Now(), body, w.Secret)
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
