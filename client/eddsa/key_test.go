package eddsa

import (
	"crypto/ed25519"
	"encoding/hex"
	"math/big"
	"slices"
	"sync"
	"testing"

	"filippo.io/edwards25519"
)

// withTable returns the key with its table, or nil where it is no point and
// would never get one.
func withTable(public ed25519.PublicKey) *Key {
	a, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return nil
	}
	k := NewKey(public)
	k.multiple.Store(newTable(a.Negate(a), keyWindow))
	return k
}

// compare fails unless crypto/ed25519 says the same, and returns what it says.
func compare(t *testing.T, public ed25519.PublicKey, message, signature []byte) bool {
	t.Helper()
	return compareWith(t, withTable(public), public, message, signature)
}

func compareWith(t *testing.T, k *Key, public ed25519.PublicKey, message, signature []byte) bool {
	t.Helper()
	want := ed25519.Verify(public, message, signature)
	if got := NewKey(public).Verify(message, signature); got != want {
		t.Errorf("key %x, message %x, signature %x: without a table %t, crypto/ed25519 says %t", public, message, signature, got, want)
	}
	if k != nil && k.Verify(message, signature) != want {
		t.Errorf("key %x, message %x, signature %x: with a table %t, crypto/ed25519 says %t", public, message, signature, !want, want)
	}
	return want
}

func testKey(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

func TestVerify(t *testing.T) {
	for n := range byte(20) {
		key := testKey(n)
		message := slices.Repeat([]byte{n}, int(n)*7)
		signature := ed25519.Sign(key, message)
		if !compare(t, key.Public().(ed25519.PublicKey), message, signature) {
			t.Errorf("key %d: its own signature does not verify", n)
		}
	}
}

// Every change of one bit is refused, with a table as without.
func TestVerifyMangled(t *testing.T) {
	key, message := testKey(1), []byte("a message")
	k := withTable(key.Public().(ed25519.PublicKey))
	signature := ed25519.Sign(key, message)
	for i := range 8 * len(signature) {
		mangled := slices.Clone(signature)
		mangled[i/8] ^= 1 << (i % 8)
		if k.Verify(message, mangled) {
			t.Errorf("verifies with bit %d of the signature changed", i)
		}
	}
	for _, length := range []int{0, 32, 63, 65} {
		if k.Verify(message, append(signature, 0)[:length]) {
			t.Errorf("verifies with a signature of %d bytes", length)
		}
	}
	if k.Verify([]byte("another"), signature) {
		t.Error("verifies another message")
	}
}

// order is that of the group: 2^252 + 27742317777372353535851937790883648493.
var order = func() *big.Int {
	n, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return n.Add(n, new(big.Int).Lsh(big.NewInt(1), 252))
}()

func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// S plus the order is the same signature in another spelling, which is refused.
func TestVerifyMalleated(t *testing.T) {
	key, message := testKey(2), []byte("a message")
	signature := ed25519.Sign(key, message)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	copy(signature[32:], littleEndian(new(big.Int).Add(new(big.Int).SetBytes(s), order)))
	if compare(t, key.Public().(ed25519.PublicKey), message, signature) {
		t.Error("an S beyond the order is accepted")
	}
}

// lowOrder lists encodings of points of small order, canonical and not.
var lowOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
}

// Keys and nonces of small order, and scalars at the edges, are where
// implementations of Ed25519 differ. Ours does not, whichever way it goes.
func TestVerifyEdges(t *testing.T) {
	one := big.NewInt(1)
	scalars := [][]byte{
		make([]byte, 32), littleEndian(one), littleEndian(new(big.Int).Sub(order, one)), littleEndian(order),
		littleEndian(new(big.Int).Add(order, one)), slices.Repeat([]byte{0xff}, 32),
	}
	good := 0
	for _, a := range lowOrder {
		public, _ := hex.DecodeString(a)
		k := withTable(public)
		for _, r := range lowOrder {
			nonce, _ := hex.DecodeString(r)
			for _, s := range scalars {
				for n := range byte(3) {
					if compareWith(t, k, public, []byte{n}, append(slices.Clone(nonce), s...)) {
						good++
					}
				}
			}
		}
	}
	if good == 0 {
		t.Error("no case verifies, so that the cases show little")
	}
}

// A key of mixed order, one that has a part of small order, is treated alike.
func TestVerifyMixedOrder(t *testing.T) {
	verdicts := make(map[bool]int)
	for _, torsion := range lowOrder {
		raw, _ := hex.DecodeString(torsion)
		low, err := new(edwards25519.Point).SetBytes(raw)
		if err != nil {
			continue
		}
		for n := range byte(8) {
			secret, _ := new(edwards25519.Scalar).SetUniformBytes(slices.Repeat([]byte{n + 1}, 64))
			a := new(edwards25519.Point).ScalarBaseMult(secret)
			public := ed25519.PublicKey(a.Add(a, low).Bytes())
			verdicts[compare(t, public, []byte{n}, sign(secret, public, []byte{n}))]++
		}
	}
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("the cases go one way only: %v", verdicts)
	}
}

// sign makes a signature that fits but for the part of small order of the key.
func sign(secret *edwards25519.Scalar, public ed25519.PublicKey, message []byte) []byte {
	nonce, _ := new(edwards25519.Scalar).SetUniformBytes(slices.Repeat([]byte{7}, 64))
	r := new(edwards25519.Point).ScalarBaseMult(nonce).Bytes()
	c := challenge(r, public, message)
	return append(r, c.MultiplyAdd(c, secret, nonce).Bytes()...)
}

// A key gets its table after a few good signatures, and by no bad ones.
func TestTableIsEarned(t *testing.T) {
	key, message := testKey(3), []byte("a message")
	k := NewKey(key.Public().(ed25519.PublicKey))
	signature := ed25519.Sign(key, message)
	for range 10 * tableAfter {
		if k.Verify(message, make([]byte, ed25519.SignatureSize)) {
			t.Fatal("a signature of zeros verifies")
		}
	}
	if k.multiple.Load() != nil {
		t.Error("bad signatures earned a table")
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range tableAfter {
				if !k.Verify(message, signature) {
					t.Error("a good signature does not verify")
				}
			}
		})
	}
	callers.Wait()
	if k.multiple.Load() == nil {
		t.Error("good signatures earned no table")
	}
	if k.Verify(message, make([]byte, ed25519.SignatureSize)) || !k.Verify(message, signature) {
		t.Error("with its table the key judges otherwise")
	}
}

// FuzzVerify holds keys with a table to the answers of crypto/ed25519.
func FuzzVerify(f *testing.F) {
	for n := range byte(4) {
		key, message := testKey(n), []byte("a message")
		signature := ed25519.Sign(key, message)
		f.Add([]byte(key.Public().(ed25519.PublicKey)), message, signature)
		signature[n*16] ^= 1
		f.Add([]byte(key.Public().(ed25519.PublicKey)), message, signature)
	}
	for _, text := range lowOrder {
		raw, _ := hex.DecodeString(text)
		f.Add(raw, []byte{1}, append(slices.Clone(raw), make([]byte, 32)...))
	}
	f.Fuzz(func(t *testing.T, public, message, signature []byte) {
		if len(public) != ed25519.PublicKeySize {
			return // refused by NewKey's callers; crypto/ed25519 panics
		}
		compare(t, public, message, signature)
	})
}

// FuzzScalar multiplies with tables and with the library.
func FuzzScalar(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(slices.Repeat([]byte{0xff}, 64))
	f.Add(slices.Repeat([]byte{0x10, 0x42}, 32))
	point := new(edwards25519.Point).ScalarBaseMult(challenge(nil, nil, nil))
	own := newTable(point, keyWindow)
	f.Fuzz(func(t *testing.T, seed []byte) {
		if len(seed) != 64 {
			return
		}
		s, _ := new(edwards25519.Scalar).SetUniformBytes(seed)
		sum := edwards25519.NewIdentityPoint()
		own.add(sum, s)
		if sum.Equal(new(edwards25519.Point).ScalarMult(s, point)) != 1 {
			t.Errorf("the table's multiple by %x is wrong", s.Bytes())
		}
		sum = edwards25519.NewIdentityPoint()
		baseTable().add(sum, s)
		if sum.Equal(new(edwards25519.Point).ScalarBaseMult(s)) != 1 {
			t.Errorf("the base point's multiple by %x is wrong", s.Bytes())
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key, message := testKey(1), make([]byte, 64)
	signature := ed25519.Sign(key, message)
	public := key.Public().(ed25519.PublicKey)
	b.Run("standard", func(b *testing.B) {
		for b.Loop() {
			ed25519.Verify(public, message, signature)
		}
	})
	k := withTable(public)
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			k.Verify(message, signature)
		}
	})
}
