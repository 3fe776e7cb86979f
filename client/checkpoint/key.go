package checkpoint

import "time"

// Algorithm is the signature type of a key, the first byte of its encoding.
type Algorithm byte

// SPEC signed-note: signature types.
const (
	Ed25519            Algorithm = 0x01 // a log's plain signature over the body
	CosignatureEd25519 Algorithm = 0x04 // timestamped, by a witness
	MLDSA44            Algorithm = 0x06 // timestamped, by a log or a witness
)

// String returns "ed25519", "cosignature-ed25519" or "ml-dsa-44".
func (a Algorithm) String() string { panic("not yet") }

// GenerateEd25519 generates a log key of type 0x01 with the given name, which
// should be the log's origin. skey is secret.
func GenerateEd25519(name string) (skey, vkey string, err error) { panic("not yet") }

// GenerateCosignatureEd25519 generates a witness key of type 0x04.
func GenerateCosignatureEd25519(name string) (skey, vkey string, err error) { panic("not yet") }

// GenerateMLDSA44 generates a log or witness key of type 0x06.
func GenerateMLDSA44(name string) (skey, vkey string, err error) { panic("not yet") }

// VKey returns the verifier key that belongs to a signer key.
func VKey(skey string) (string, error) { panic("not yet") }

// Signer signs checkpoints. It implements note.Signer of x/mod/sumdb/note.
type Signer struct{}

// NewSigner decodes a signer key of type 0x01, 0x04 or 0x06. now gives the
// timestamps of types 0x04 and 0x06, and may be nil for type 0x01.
func NewSigner(skey string, now func() time.Time) (*Signer, error) { panic("not yet") }

func (s *Signer) Name() string                     { panic("not yet") }
func (s *Signer) KeyHash() uint32                  { panic("not yet") }
func (s *Signer) Sign(body []byte) ([]byte, error) { panic("not yet") }
func (s *Signer) Verifier() *Verifier              { panic("not yet") }

// SignLine signs a checkpoint body and returns the signature line.
func (s *Signer) SignLine(body []byte) ([]byte, error) { panic("not yet") }

// SignSubtree signs the subtree [start, end) of the log named origin (ML-DSA-44
// only), with timestamp zero, and returns the signature line.
func (s *Signer) SignSubtree(origin string, start, end uint64, hash [32]byte) ([]byte, error) {
	panic("not yet")
}

// Verifier verifies signatures of one key. It implements note.Verifier of
// x/mod/sumdb/note.
type Verifier struct{}

// NewVerifier decodes a verifier key of type 0x01, 0x04 or 0x06.
func NewVerifier(vkey string) (*Verifier, error) { panic("not yet") }

func (v *Verifier) Name() string                 { panic("not yet") }
func (v *Verifier) KeyHash() uint32              { panic("not yet") }
func (v *Verifier) Verify(body, sig []byte) bool { panic("not yet") }
func (v *Verifier) Algorithm() Algorithm         { panic("not yet") }
func (v *Verifier) VKey() string                 { panic("not yet") }

// PublicKey returns the encoded public key, without name and type.
func (v *Verifier) PublicKey() []byte { panic("not yet") }

// VerifySubtree reports whether sig is this key's signature of the subtree
// [start, end) with the given hash of the log named origin (ML-DSA-44 only).
func (v *Verifier) VerifySubtree(origin string, start, end uint64, hash [32]byte, sig Signature) bool {
	panic("not yet")
}
