// Package webhook signs messages as Standard Webhooks 1.0 describes, and checks
// such signatures. The log signs with it what it sends, receiptctl monitor what
// it finds; whoever receives may check with it:
//
//	err := webhook.Verify(secret, r.Header.Get, body, time.Now())
//
// A message has three header fields: webhook-id, the same however often the
// message is sent, so that a receiver drops what it has seen; webhook-timestamp,
// when it was sent, in unix seconds; and webhook-signature, one or more of
// "v1," and the base64 of
//
//	HMAC-SHA256(secret, "<id>.<timestamp>.<body>")
//
// with spaces between, one for each secret while secrets are being exchanged.
package webhook
