package policy_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
)

const origin = "example.com/log"

var now = time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)

// cast is the keys of one log and three witnesses, generated once for all tests.
var cast = newCast()

type actor struct {
	vkey   string
	signer *checkpoint.Signer
}

// newCast generates "log-ed" and "log-ml" (one log, two keys), "w1" and "w2"
// (Ed25519), "w3" (ML-DSA-44, of the same name as w1) and "stranger".
func newCast() map[string]actor {
	c := make(map[string]actor)
	add := func(role string) func(skey, vkey string, err error) {
		return func(skey, vkey string, err error) {
			if err != nil {
				panic(err)
			}
			s, err := checkpoint.NewSigner(skey, func() time.Time { return now })
			if err != nil {
				panic(err)
			}
			c[role] = actor{vkey, s}
		}
	}
	add("log-ed")(checkpoint.GenerateEd25519(origin))
	add("log-ml")(checkpoint.GenerateMLDSA44(origin))
	add("other-log")(checkpoint.GenerateMLDSA44("example.com/other"))
	add("w1")(checkpoint.GenerateCosignatureEd25519("w1.example/witness"))
	add("w2")(checkpoint.GenerateCosignatureEd25519("w2.example/witness"))
	add("w3")(checkpoint.GenerateMLDSA44("w1.example/witness"))
	add("stranger")(checkpoint.GenerateCosignatureEd25519("stranger.example/witness"))
	return c
}

// expand replaces <role> by the vkey of that role.
func expand(text string) []byte {
	for role, a := range cast {
		text = strings.ReplaceAll(text, "<"+role+">", a.vkey)
	}
	return []byte(text)
}

func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(expand(text))
	if err != nil {
		t.Fatalf("policy:\n%s\n%v", text, err)
	}
	return p
}

// vkey encodes a verifier key, as C2SP signed-note says.
func vkey(name string, alg byte, public []byte) string {
	typed := append([]byte{alg}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), typed...))
	return fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(typed))
}

// numbered returns the vkey of number i of many public keys.
func numbered(alg byte, i int) string {
	return vkey("many.example", alg, binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i)))
}

// signed returns a checkpoint signed by the given roles, in order.
func signed(t testing.TB, roles ...string) []byte {
	t.Helper()
	body := checkpoint.Checkpoint{Origin: origin, Size: 42, Root: [32]byte{1}}.Body()
	note := fmt.Appendf(nil, "%s\n", body)
	for _, role := range roles {
		line, err := cast[role].signer.SignLine(body)
		if err != nil {
			t.Fatal(err)
		}
		note = append(note, line...)
	}
	return note
}
