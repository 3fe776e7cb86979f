package witness

import (
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// Keys are the keys a witness signs with, all of them on every checkpoint. To
// rotate a key, add the new one, let those who trust the witness learn it, and
// only then drop the old one: in between, each checkpoint carries both lines.
type Keys struct {
	signers []*checkpoint.Signer
}

// NewKeys decodes signer keys of type 0x04 (Ed25519) and 0x06 (ML-DSA-44). now
// gives the time of each cosignature.
func NewKeys(skeys []string, now func() time.Time) (*Keys, error) {
	if len(skeys) == 0 {
		return nil, errors.New("a witness needs at least one key")
	}
	k := new(Keys)
	public := make(map[string]string)
	for _, skey := range skeys {
		s, err := checkpoint.NewSigner(skey, now)
		if err != nil {
			return nil, fmt.Errorf("decode witness key: %w", err)
		}
		v := s.Verifier()
		if v.Algorithm() == checkpoint.Ed25519 {
			return nil, fmt.Errorf("key %s has type 0x01, which is for logs: a cosignature carries a time", label(v))
		}
		// SPEC tlog-cosignature: a public key serves one cosigner only.
		if other, ok := public[string(v.PublicKey())]; ok {
			return nil, fmt.Errorf("keys %s and %s have the same public key", other, label(v))
		}
		public[string(v.PublicKey())] = label(v)
		k.signers = append(k.signers, s)
	}
	return k, nil
}

// VKeys returns the verifier keys, in the order in which the keys were given.
func (k *Keys) VKeys() []string {
	vkeys := make([]string, len(k.signers))
	for i, s := range k.signers {
		vkeys[i] = s.Verifier().VKey()
	}
	return vkeys
}

// cosign returns one signature line of each key for a checkpoint's body.
func (k *Keys) cosign(body []byte) ([]byte, error) {
	var lines []byte
	for _, s := range k.signers {
		line, err := s.SignLine(body)
		if err != nil {
			return nil, fmt.Errorf("cosign with %s: %w", label(s.Verifier()), err)
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

// verifiers returns the verifiers of all keys.
func (k *Keys) verifiers() []*checkpoint.Verifier {
	vs := make([]*checkpoint.Verifier, len(k.signers))
	for i, s := range k.signers {
		vs[i] = s.Verifier()
	}
	return vs
}

// label names a key as people do who compare it with a signature line.
func label(v *checkpoint.Verifier) string {
	return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
}
