package signature

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// smallOrder are encodings of the eight points whose order divides the
// cofactor, then others of the same points that are not canonical.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",

	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// agree fails unless both say the same, and returns what they say.
func agree(t *testing.T, key, message, signature []byte) bool {
	t.Helper()
	ours, theirs := Verify(key, message, signature), ed25519.Verify(key, message, signature)
	if ours != theirs {
		t.Errorf("key %x, message %x, signature %x: ours says %v, crypto/ed25519 %v", key, message, signature, ours, theirs)
	}
	return theirs
}

// TestSmallOrder tries keys and commitments of low order, with which whoever
// verifies by another equation comes to another verdict.
func TestSmallOrder(t *testing.T) {
	order, _ := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	one := append([]byte{1}, make([]byte, 31)...)
	verdicts := map[bool]int{}
	for _, a := range smallOrder {
		for _, r := range smallOrder {
			for _, s := range [][]byte{make([]byte, 32), one, order} {
				for m := range 8 {
					key, _ := hex.DecodeString(a)
					commitment, _ := hex.DecodeString(r)
					verdicts[agree(t, key, fmt.Append(nil, m), append(commitment, s...))]++
				}
			}
		}
	}
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("every verdict is the same: %v", verdicts)
	}
}

// TestMixedOrder signs with keys and commitments that have a part of low order:
// valid to some verifiers and not to others.
func TestMixedOrder(t *testing.T) {
	verdicts := map[bool]int{}
	for _, inKey := range smallOrder[:8] {
		for _, inCommitment := range smallOrder[:8] {
			for m := range 16 {
				secret, nonce := randomScalar(t), randomScalar(t)
				key, commitment := pointOf(t, secret, inKey), pointOf(t, nonce, inCommitment)
				message := fmt.Append(nil, m)
				sum := sha512.Sum512(append(append(append([]byte{}, commitment...), key...), message...))
				k, err := scalar.NewFromBytesModOrderWide(sum[:])
				if err != nil {
					t.Fatal(err)
				}
				s := scalar.New().Mul(k, secret)
				s.Add(s, nonce)
				half := make([]byte, 32)
				if err := s.ToBytes(half); err != nil {
					t.Fatal(err)
				}
				verdicts[agree(t, key, message, append(commitment, half...))]++
			}
		}
	}
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("every verdict is the same: %v", verdicts)
	}
}

func randomScalar(t *testing.T) *scalar.Scalar {
	s, err := scalar.New().SetRandom(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pointOf encodes s times the base point plus a point of low order.
func pointOf(t *testing.T, s *scalar.Scalar, low string) []byte {
	raw, _ := hex.DecodeString(low)
	compressed, err := curve.NewCompressedEdwardsYFromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	p, err := curve.NewEdwardsPoint().SetCompressedY(compressed)
	if err != nil {
		t.Fatal(err)
	}
	p.Add(p, curve.NewEdwardsPoint().MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s))
	encoded, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestEveryFlippedBit changes a good signature, its key and its message.
func TestEveryFlippedBit(t *testing.T) {
	key, private, _ := ed25519.GenerateKey(nil)
	message := []byte("a receipt")
	signature := ed25519.Sign(private, message)
	if !agree(t, key, message, signature) {
		t.Fatal("a good signature is refused")
	}
	for _, part := range [][]byte{key, message, signature} {
		for bit := range len(part) * 8 {
			part[bit/8] ^= 1 << (bit % 8)
			if agree(t, key, message, signature) {
				t.Errorf("accepted with bit %d of %x flipped", bit, part)
			}
			part[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func TestLengths(t *testing.T) {
	key, _, _ := ed25519.GenerateKey(nil)
	for _, n := range []int{0, 1, 63, 65, 128} {
		if agree(t, key, nil, make([]byte, n)) {
			t.Errorf("a signature of %d bytes is accepted", n)
		}
	}
}

func FuzzVerify(f *testing.F) {
	key, private, _ := ed25519.GenerateKey(nil)
	f.Add([]byte(key), []byte("m"), ed25519.Sign(private, []byte("m")))
	for _, p := range smallOrder {
		raw, _ := hex.DecodeString(p)
		f.Add(raw, []byte("m"), append(raw, make([]byte, 32)...))
	}
	f.Fuzz(func(t *testing.T, key, message, signature []byte) {
		if len(key) == ed25519.PublicKeySize {
			agree(t, key, message, signature)
		}
	})
}

// BenchmarkVerify shows what the package is for, beside what it stands in for.
func BenchmarkVerify(b *testing.B) {
	key, private, _ := ed25519.GenerateKey(nil)
	message := make([]byte, 64)
	signature := ed25519.Sign(private, message)
	for name, verify := range map[string]func(ed25519.PublicKey, []byte, []byte) bool{"ours": Verify, "standard": ed25519.Verify} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if !verify(key, message, signature) {
					b.Fatal("refused")
				}
			}
		})
	}
}
