package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
)

// SPEC Standard Webhooks: secrets are 24 to 64 bytes, written as whsec_ and
// base64.
const (
	secretPrefix   = "whsec_"
	minSecretBytes = 24
	maxSecretBytes = 64
	newSecretBytes = 32 // as many as the hash gives back
)

// ErrSecret says that a text is no secret. It does not repeat it.
var ErrSecret = errors.New("a webhook's secret is whsec_ and the base64 of 24 to 64 bytes")

// Secret is what sender and receiver share. It prints as nothing of use; see
// [Secret.Reveal].
type Secret struct{ key []byte }

// NewSecret draws one.
func NewSecret() Secret {
	key := make([]byte, newSecretBytes)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	return Secret{key}
}

// ParseSecret reads what [Secret.Reveal] wrote, or another sender's.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) < minSecretBytes || len(key) > maxSecretBytes || strings.ContainsAny(encoded, "\r\n") {
		return Secret{}, ErrSecret
	}
	return Secret{key}, nil
}

// Reveal returns the secret in full, for the one time that it is shown and for
// the place where it is kept.
func (s Secret) Reveal() string { return secretPrefix + base64.StdEncoding.EncodeToString(s.key) }

// String implements fmt.Stringer, and keeps secrets out of logs.
func (s Secret) String() string { return secretPrefix + "…" }

// GoString implements fmt.GoStringer, for the same.
func (s Secret) GoString() string { return s.String() }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return len(s.key) == 0 }
