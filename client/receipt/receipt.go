package receipt

import (
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/armalo/receiptlog/client/did"
)

// MaxBytes bounds a receipt, as submitted and in canonical form.
const MaxBytes = 1 << 20

// Context is one item of @context.
type Context = string

// Receipt is a parsed receipt. It never changes and is safe for concurrent use.
type Receipt struct {
	canonical  []byte
	credential Credential
}

var errStub = errors.New("receipt: not built yet")

func Parse(data []byte) (*Receipt, error)                                  { return nil, errStub }
func (r *Receipt) Canonical() []byte                                       { return r.canonical }
func (r *Receipt) Hash() [32]byte                                          { return [32]byte{} }
func (r *Receipt) Credential() *Credential                                 { return &r.credential }
func (r *Receipt) Issuer() string                                          { return r.credential.Issuer }
func (r *Receipt) RunID() string                                           { return r.credential.CredentialSubject.Build.RunID }
func (r *Receipt) Org() string                                             { return r.credential.CredentialSubject.Build.Org }
func (r *Receipt) Publishable() bool                                       { return false }
func (r *Receipt) ConfigurationHash() (declared, computed string, ok bool) { return "", "", false }
func (r *Receipt) Verify(doc *did.Document) (Signer, error)                { return Signer{}, errStub }
func Sign(credential []byte, key ed25519.PrivateKey, opts SignOptions) ([]byte, error) {
	return nil, errStub
}

type Signer struct {
	Method  string
	Key     ed25519.PublicKey
	Created string
	Expires time.Time
	// Unchecked counts the proofs that were not judged.
	Unchecked int
}

type SignOptions struct {
	VerificationMethod string
	Created            time.Time
	Add                bool
}
