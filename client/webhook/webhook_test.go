package webhook

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The example that the specification's libraries are tested with.
func TestKnownSignature(t *testing.T) {
	secret, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := make(http.Header)
	Sign(h.Set, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	before, after, stranger := NewSecret(), NewSecret(), NewSecret()
	body := []byte(`{"type":"receipt.logged"}`)
	h := make(http.Header)
	Sign(h.Set, "msg_1", now, body, after, before)
	for _, s := range []Secret{before, after} {
		if err := Verify(s, h.Get, body, now); err != nil {
			t.Error(err)
		}
	}
	for what, try := range map[string]struct {
		secret Secret
		name   string
		value  string
		body   string
		later  time.Duration
		want   error
	}{
		"another secret":     {secret: stranger, want: ErrSignature},
		"no secret":          {secret: Secret{}, want: ErrSignature},
		"another body":       {secret: before, body: `{"type":"gate.denied"}`, want: ErrSignature},
		"another id":         {secret: before, name: HeaderID, value: "msg_2", want: ErrSignature},
		"no id":              {secret: before, name: HeaderID, want: ErrSignature},
		"another time":       {secret: before, name: HeaderTimestamp, value: "1800000001", want: ErrSignature},
		"a time in disguise": {secret: before, name: HeaderTimestamp, value: "+1800000000", want: ErrTimestamp},
		"no time":            {secret: before, name: HeaderTimestamp, want: ErrTimestamp},
		"an hour later":      {secret: before, later: time.Hour, want: ErrTimestamp},
		"an hour earlier":    {secret: before, later: -time.Hour, want: ErrTimestamp},
		"no signature":       {secret: before, name: HeaderSignature, want: ErrSignature},
		"another version":    {secret: before, name: HeaderSignature, value: "v2," + strings.TrimPrefix(strings.Fields(h.Get(HeaderSignature))[1], "v1,"), want: ErrSignature},
		"half a signature":   {secret: before, name: HeaderSignature, value: strings.Fields(h.Get(HeaderSignature))[1][:20], want: ErrSignature},
	} {
		changed := h.Clone()
		if try.name != "" {
			changed.Set(try.name, try.value)
		}
		sent := body
		if try.body != "" {
			sent = []byte(try.body)
		}
		if err := Verify(try.secret, changed.Get, sent, now.Add(try.later)); err != try.want {
			t.Errorf("%s: %v, want %v", what, err, try.want)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	s := NewSecret()
	printed := fmt.Sprintf("%v %+v %#v %s", s, s, s, struct{ S Secret }{s})
	if key := strings.TrimPrefix(s.Reveal(), "whsec_"); strings.Contains(printed, key[:8]) || strings.Contains(printed, fmt.Sprint(s.key[:4])[1:6]) {
		t.Errorf("printed as %s", printed)
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	f.Add("whsec_")
	f.Add("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	f.Add("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)))
	f.Add("whsec_MfKQ9r8GKYqrTwjU\nPD8ILPZIo2LaLaSw")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSecret(text)
		if err == nil && s.Reveal() != text {
			t.Errorf("%q is read, and written as %q", text, s.Reveal())
		}
	})
}

func FuzzVerify(f *testing.F) {
	secret, now := NewSecret(), time.Unix(1_800_000_000, 0)
	f.Add("msg_1", "1800000000", "v1,AAAA v1,BBBB", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := map[string]string{HeaderID: id, HeaderTimestamp: stamp, HeaderSignature: signature}
		if Verify(secret, func(name string) string { return h[name] }, body, now) == nil {
			t.Error("who does not know the secret has signed")
		}
		Sign(func(name, value string) { h[name] = value }, id, now, bytes.Clone(body), secret)
		if err := Verify(secret, func(name string) string { return h[name] }, body, now); err != nil && id != "" {
			t.Error(err)
		}
	})
}
