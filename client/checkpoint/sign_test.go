package checkpoint_test

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// sign signs a body with x/mod, as Tessera does.
func sign(t testing.TB, body string, signers ...note.Signer) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: body}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// verify returns what our verifier finds in a note.
func verify(t testing.TB, signed []byte, known ...*checkpoint.Verifier) ([]checkpoint.VerifiedSignature, error) {
	t.Helper()
	n, err := checkpoint.ParseNote(signed)
	if err != nil {
		t.Fatal(err)
	}
	return n.Verify(known...)
}

func TestSignAndVerify(t *testing.T) {
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		s := newSigner(t, skey)
		signed := sign(t, sofaBody, s)
		line, err := s.SignLine([]byte(sofaBody))
		if err != nil {
			t.Fatal(err)
		}
		signed = append(signed, line...) // signing twice is allowed
		got, err := verify(t, signed, newVerifier(t, vkey))
		if err != nil || len(got) != 2 {
			t.Fatalf("%v: %d signatures, %v; want 2", alg, len(got), err)
		}
		want := now
		if alg == checkpoint.Ed25519 {
			want = time.Time{}
		}
		if !got[1].Time.Equal(want) || string(got[1].Line) != string(line) {
			t.Errorf("%v: signature is %+v", alg, got[1])
		}
	}
}

// TestOthersVerifyOurSignatures shows our signatures to the three libraries that
// logs, witnesses and verifiers of this kind are built with.
func TestOthersVerifyOurSignatures(t *testing.T) {
	open := func(signed []byte, v note.Verifier, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		signed := sign(t, sofaBody, newSigner(t, skey))
		if alg == checkpoint.Ed25519 {
			v, err := note.NewVerifier(vkey)
			open(signed, v, err)
			continue
		}
		v1, err := torchwood.NewCosignatureVerifier(vkey)
		open(signed, v1, err)
		v2, err := formats.NewVerifierForCosignatureV1(vkey)
		open(signed, v2, err)
		n, err := checkpoint.ParseNote(signed)
		if err != nil {
			t.Fatal(err)
		}
		encoded := strings.TrimSuffix(strings.TrimPrefix(string(n.Signatures[0].Line), "— "+name+" "), "\n")
		if at, err := torchwood.CosignatureTimestamp(note.Signature{Base64: encoded}); err != nil || at != now.Unix() {
			t.Errorf("%v: torchwood reads time %d, %v; want %d", alg, at, err, now.Unix())
		}
	}
}

func TestWeVerifyOthersSignatures(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	mlKey, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		t.Fatal(err)
	}
	edTorch, err1 := torchwood.NewCosignatureSigner(name, edKey)
	mlTorch, err2 := torchwood.NewCosignatureSigner(name, mlKey)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, s := range []*torchwood.CosignatureSigner{edTorch, mlTorch} {
		checkTheirs(t, s.Verifier().String(), sign(t, sofaBody, s))
	}
	for _, alg := range []checkpoint.Algorithm{checkpoint.CosignatureEd25519, checkpoint.MLDSA44} {
		skey, vkey := newKey(t, alg)
		s, err := formats.NewSignerForCosignatureV1(skey)
		if err != nil {
			t.Fatal(err)
		}
		checkTheirs(t, vkey, sign(t, sofaBody, s))
	}
	skey, vkey := newKey(t, checkpoint.Ed25519)
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	checkTheirs(t, vkey, sign(t, sofaBody, s))
}

func checkTheirs(t *testing.T, vkey string, signed []byte) {
	t.Helper()
	v := newVerifier(t, vkey)
	got, err := verify(t, signed, v)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v signature of another implementation: %d verified, %v", v.Algorithm(), len(got), err)
	}
	if age := time.Since(got[0].Time); v.Algorithm() != checkpoint.Ed25519 && (age < 0 || age > time.Minute) {
		t.Errorf("%v signature of another implementation: time %v", v.Algorithm(), got[0].Time)
	}
}

// TestEveryOneByteChangeIsRefused changes each byte of a checkpoint signed in
// every way, all of which its reader insists on.
func TestEveryOneByteChangeIsRefused(t *testing.T) {
	var signers []note.Signer
	var known []*checkpoint.Verifier
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		signers, known = append(signers, newSigner(t, skey)), append(known, newVerifier(t, vkey))
	}
	signed := sign(t, sofaBody, signers...)
	accepts := func(data []byte) bool {
		n, err := checkpoint.ParseNote(data)
		if err != nil {
			return false
		}
		if _, err := checkpoint.Parse(n.Text); err != nil {
			return false
		}
		got, err := n.Verify(known...)
		return err == nil && len(got) == len(known)
	}
	if !accepts(signed) {
		t.Fatal("the good checkpoint is refused")
	}
	for i := range signed {
		mangled := append([]byte(nil), signed...)
		mangled[i] ^= 1 << (i % 8)
		if accepts(mangled) {
			t.Fatalf("byte %d changed from %q to %q is accepted", i, signed[i], mangled[i])
		}
	}
}

func TestSignaturesByTheWrongKeyAreRefused(t *testing.T) {
	for alg := range generators {
		skey, vkey := newKey(t, alg)
		signed := string(sign(t, sofaBody, newSigner(t, skey)))
		other := strings.Replace(signed, "20852163", "20852164", 1)
		if _, err := verify(t, []byte(other), newVerifier(t, vkey)); verdict.CodeOf(err) != verdict.CheckpointInvalid {
			t.Errorf("%v signature of another body: error %v, want code checkpoint_invalid", alg, err)
		}
		_, stranger := newKey(t, alg)
		if got, err := verify(t, []byte(signed), newVerifier(t, stranger)); err != nil || len(got) != 0 {
			t.Errorf("%v signature by an unknown key: %d verified, %v; want it ignored", alg, len(got), err)
		}
	}
}

func TestSignersRefuse(t *testing.T) {
	logKey, _ := newKey(t, checkpoint.Ed25519)
	if _, err := newSigner(t, logKey).Sign([]byte("example.com/other\n1\n" + root + "\n")); err == nil {
		t.Error("a log's key signed for another log")
	}
	for alg := range generators {
		skey, _ := newKey(t, alg)
		s := newSigner(t, skey)
		for what, body := range badBodies {
			if what == "extension line" && alg != checkpoint.Ed25519 {
				continue // witnesses cosign them
			}
			if _, err := s.Sign([]byte(body)); verdict.CodeOf(err) != verdict.CheckpointInvalid {
				t.Errorf("%v signs a body with %s: error %v", alg, what, err)
			}
		}
		if alg == checkpoint.Ed25519 {
			continue
		}
		if _, err := checkpoint.NewSigner(skey, nil); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%v without a clock: error %v", alg, err)
		}
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(253402300800, 0)} {
			s, err := checkpoint.NewSigner(skey, func() time.Time { return at })
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Sign([]byte(sofaBody)); err == nil {
				t.Errorf("%v signs at %v", alg, at)
			}
		}
	}
}

func TestTimestampsOutOfRangeAreRefused(t *testing.T) {
	for _, alg := range []checkpoint.Algorithm{checkpoint.CosignatureEd25519, checkpoint.MLDSA44} {
		skey, vkey := newKey(t, alg)
		sig, err := newSigner(t, skey).Sign([]byte(sofaBody))
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(t, vkey)
		if !v.Verify([]byte(sofaBody), sig) {
			t.Fatalf("%v: good signature refused", alg)
		}
		for _, timestamp := range []uint64{0, uint64(now.Unix()) + 1, 253402300800, 1 << 63, 1<<64 - 1} {
			bad := append(binary.BigEndian.AppendUint64(nil, timestamp), sig[8:]...)
			if v.Verify([]byte(sofaBody), bad) {
				t.Errorf("%v: another timestamp, %d, is accepted", alg, timestamp)
			}
		}
		for n := range 9 {
			if v.Verify([]byte(sofaBody), sig[:n]) {
				t.Errorf("%v: %d bytes are accepted as a signature", alg, n)
			}
		}
	}
}
