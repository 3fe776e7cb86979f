package checkpoint_test

import (
	"crypto/mldsa"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

const name = "example.com/behind-the-sofa"

var now = time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// generators generate a key of each type.
var generators = map[checkpoint.Algorithm]func(string) (skey, vkey string, err error){
	checkpoint.Ed25519:            checkpoint.GenerateEd25519,
	checkpoint.CosignatureEd25519: checkpoint.GenerateCosignatureEd25519,
	checkpoint.MLDSA44:            checkpoint.GenerateMLDSA44,
}

// newKey generates a key of a type, called name.
func newKey(t testing.TB, alg checkpoint.Algorithm) (skey, vkey string) {
	t.Helper()
	skey, vkey, err := generators[alg](name)
	if err != nil {
		t.Fatal(err)
	}
	return skey, vkey
}

func newSigner(t testing.TB, skey string) *checkpoint.Signer {
	t.Helper()
	s, err := checkpoint.NewSigner(skey, clock)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newVerifier(t testing.TB, vkey string) *checkpoint.Verifier {
	t.Helper()
	v, err := checkpoint.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGeneratedKeys(t *testing.T) {
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		v := newVerifier(t, vkey)
		if v.Algorithm() != alg || v.Name() != name || v.VKey() != vkey {
			t.Errorf("%v: verifier is %v %q", alg, v.Algorithm(), v.VKey())
		}
		if got, err := checkpoint.VKey(skey); err != nil || got != vkey {
			t.Errorf("%v: VKey = %q, %v; want %q", alg, got, err, vkey)
		}
		again, _ := newKey(t, alg)
		if again == skey {
			t.Errorf("%v: the same key was generated twice", alg)
		}
	}
}

func TestPrintingASignerShowsNoSecret(t *testing.T) {
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		s := newSigner(t, skey)
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(format, s); got != vkey {
				t.Errorf("%v printed with %s is %q, want the verifier key", alg, format, got)
			}
		}
	}
}

// TestOthersReadOurKeys holds that the libraries whose programs meet ours read
// both halves of our keys and know them by the same ID.
func TestOthersReadOurKeys(t *testing.T) {
	skey, vkey := newKey(t, checkpoint.Ed25519)
	checkSame(t, vkey)(note.NewVerifier(vkey))
	checkSame(t, vkey)(torchwood.NewLogVerifier(vkey))
	checkSame(t, vkey)(torchwood.NewVerifierFromSigner(skey))
	if _, err := note.NewSigner(skey); err != nil {
		t.Error(err)
	}
	for _, alg := range []checkpoint.Algorithm{checkpoint.CosignatureEd25519, checkpoint.MLDSA44} {
		skey, vkey := newKey(t, alg)
		checkSame(t, vkey)(formats.NewVerifier(vkey))
		checkSame(t, vkey)(torchwood.NewCosignatureVerifier(vkey))
		s, err := formats.NewSignerForCosignatureV1(skey)
		if err != nil {
			t.Fatal(err)
		}
		checkSame(t, vkey)(s.Verifier(), nil)
	}
}

// checkSame returns a check that another implementation's verifier is of vkey.
func checkSame(t *testing.T, vkey string) func(note.Verifier, error) {
	t.Helper()
	ours := newVerifier(t, vkey)
	return func(theirs note.Verifier, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("another implementation refuses %q: %v", vkey, err)
		} else if theirs.Name() != ours.Name() || theirs.KeyHash() != ours.KeyHash() {
			t.Errorf("another implementation reads key %s+%08x, want %s+%08x", theirs.Name(), theirs.KeyHash(), ours.Name(), ours.KeyHash())
		}
	}
}

func TestWeReadOthersKeys(t *testing.T) {
	skey, vkey, err := formats.GenerateMLDSAKey(name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := checkpoint.VKey(skey); err != nil || got != vkey {
		t.Errorf("ML-DSA-44 key of formats: VKey = %q, %v; want %q", got, err, vkey)
	}
	skey, vkey, err = note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := checkpoint.VKey(skey); err != nil || got != vkey {
		t.Errorf("Ed25519 key of x/mod: VKey = %q, %v; want %q", got, err, vkey)
	}
}

func TestMLDSASeedIsThatOfFIPS204(t *testing.T) {
	skey, _ := newKey(t, checkpoint.MLDSA44)
	_, b64 := offsets(skey)
	typed, err := base64.StdEncoding.DecodeString(skey[b64:])
	if err != nil {
		t.Fatal(err)
	}
	key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), typed[1:])
	if err != nil || string(key.PublicKey().Bytes()) != string(newSigner(t, skey).Verifier().PublicKey()) {
		t.Errorf("the seed gives another key: %v", err)
	}
}

func TestKeyNames(t *testing.T) {
	for _, bad := range []string{"", "a b", "a+b", "a\nb", "a\x00b", "a\u00a0b", "a\xffb", strings.Repeat("a", 256)} {
		if _, _, err := checkpoint.GenerateEd25519(bad); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("name %q: error %v, want code malformed", bad, err)
		}
	}
	for _, good := range []string{"a", "example.com/log", "ünïcode", "oid/1.2.3", strings.Repeat("a", 255)} {
		if _, vkey, err := checkpoint.GenerateMLDSA44(good); err != nil {
			t.Errorf("name %q: %v", good, err)
		} else {
			newVerifier(t, vkey)
		}
	}
}

// offsets returns where the key ID and the base64 of a key begin.
func offsets(key string) (id, b64 int) {
	id = strings.Index(key, name) + len(name) + 1
	return id, id + len("01234567+")
}

// spoilt returns what is nearly a key, from a good one.
func spoilt(key string) map[string]string {
	id, b64 := offsets(key)
	typed, _ := base64.StdEncoding.DecodeString(key[b64:])
	retyped := func(first byte, rest []byte) string {
		return key[:b64] + base64.StdEncoding.EncodeToString(append([]byte{first}, rest...))
	}
	return map[string]string{
		"empty":             "",
		"no key":            key[:b64],
		"space after":       key + " ",
		"newline after":     key + "\n",
		"newline in base64": key[:b64+4] + "\n" + key[b64+4:],
		"upper-case ID":     key[:id] + strings.ToUpper("abcdef01") + key[id+8:],
		"other ID":          key[:id] + "00000000" + key[id+8:],
		"short ID":          key[:id] + key[id+1:],
		"ID with sign":      key[:id] + "+" + key[id+1:],
		"other name":        strings.Replace(key, "sofa", "sofb", 1),
		"key too short":     retyped(typed[0], typed[1:len(typed)-1]),
		"key too long":      retyped(typed[0], append(typed[1:], 0)),
		"unknown type":      retyped(0x02, typed[1:]),
		"reserved type":     retyped(0xff, typed[1:]),
		"type only":         retyped(typed[0], nil),
		"URL alphabet":      key[:b64] + base64.URLEncoding.EncodeToString([]byte(strings.Repeat("\xff", len(typed)))),
	}
}

func TestSpoiltKeysAreRefused(t *testing.T) {
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		for what, key := range spoilt(vkey) {
			if _, err := checkpoint.NewVerifier(key); verdict.CodeOf(err) != verdict.Malformed {
				t.Errorf("%v verifier key, %s: error %v, want code malformed", alg, what, err)
			}
		}
		_, b64 := offsets(skey)
		secret := skey[b64:]
		for what, key := range spoilt(skey) {
			_, err := checkpoint.NewSigner(key, clock)
			if verdict.CodeOf(err) != verdict.Malformed {
				t.Errorf("%v signer key, %s: error %v, want code malformed", alg, what, err)
			} else if strings.Contains(err.Error(), secret[:10]) {
				t.Errorf("%v signer key, %s: the error shows the key", alg, what)
			}
		}
	}
}

// FuzzNewVerifier holds that a key has one spelling and that torchwood reads it.
func FuzzNewVerifier(f *testing.F) {
	f.Add(fooVKey)
	for alg := range generators {
		_, vkey := newKey(f, alg)
		f.Add(vkey)
		for _, key := range spoilt(vkey) {
			f.Add(key)
		}
	}
	f.Fuzz(func(t *testing.T, vkey string) {
		v, err := checkpoint.NewVerifier(vkey)
		if err != nil {
			return
		}
		if v.VKey() != vkey {
			t.Fatalf("key %q is written as %q", vkey, v.VKey())
		}
		if v.Algorithm() == checkpoint.Ed25519 {
			checkSame(t, vkey)(note.NewVerifier(vkey))
		} else {
			checkSame(t, vkey)(torchwood.NewCosignatureVerifier(vkey))
		}
	})
}

// FuzzNewSigner holds that a signer key has one spelling.
func FuzzNewSigner(f *testing.F) {
	for alg := range generators {
		skey, _ := newKey(f, alg)
		f.Add(skey)
		for _, key := range spoilt(skey) {
			f.Add(key)
		}
	}
	f.Fuzz(func(t *testing.T, skey string) {
		s, err := checkpoint.NewSigner(skey, clock)
		if err != nil {
			return
		}
		vkey, err := checkpoint.VKey(skey)
		if err != nil || vkey != s.Verifier().VKey() {
			t.Fatalf("VKey = %q, %v; want %q", vkey, err, s.Verifier().VKey())
		}
		newVerifier(t, vkey)
	})
}
