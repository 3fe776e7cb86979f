package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Names of the header fields.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far a message's timestamp may be from the receiver's clock. An
// older message may be one that somebody recorded and plays again.
const Tolerance = 5 * time.Minute

// maxSignatures bounds what Verify looks at: more secrets than two are not in use
// at a time.
const maxSignatures = 16

// Errors of [Verify].
var (
	ErrSignature = errors.New("no signature of the message is by this secret")
	ErrTimestamp = errors.New("the message's timestamp is missing, or too far from now")
)

// Sign sets the header fields of a message, sent at that time. The id must have
// no dot. There is a signature for each secret.
func Sign(set func(name, value string), id string, at time.Time, body []byte, secrets ...Secret) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(s.mac(id, stamp, body))
	}
	set(HeaderID, id)
	set(HeaderTimestamp, stamp)
	set(HeaderSignature, strings.Join(signatures, " "))
}

// Verify checks, in constant time, that the message with the header fields that
// get returns was signed with the secret, about now. Errors: [ErrSignature],
// [ErrTimestamp].
func Verify(s Secret, get func(name string) string, body []byte, now time.Time) error {
	id, stamp := get(HeaderID), get(HeaderTimestamp)
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || strconv.FormatInt(unix, 10) != stamp {
		return ErrTimestamp
	}
	if age := now.Sub(time.Unix(unix, 0)); age > Tolerance || age < -Tolerance {
		return ErrTimestamp
	}
	if id == "" || s.IsZero() {
		return ErrSignature
	}
	want := s.mac(id, stamp, body)
	for _, signature := range strings.SplitN(get(HeaderSignature), " ", maxSignatures) {
		text, ok := strings.CutPrefix(signature, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return ErrSignature
}

func (s Secret) mac(id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	return mac.Sum(nil)
}
