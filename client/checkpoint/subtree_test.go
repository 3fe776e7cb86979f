package checkpoint_test

import (
	"crypto/mldsa"
	"testing"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"

	"github.com/armalo/receiptlog/client/checkpoint"
)

const origin = "example.com/log"

func TestValidSubtreeIsThatOfTorchwood(t *testing.T) {
	for end := range uint64(70) {
		for start := range end + 2 {
			if got, want := checkpoint.ValidSubtree(start, end), torchwood.ValidSubtree(int64(start), int64(end)); got != want {
				t.Errorf("[%d, %d): %v, want %v", start, end, got, want)
			}
		}
	}
	for _, tt := range []struct {
		start, end uint64
		want       bool
	}{
		{0, 1<<63 - 1, true},
		{0, 1 << 63, false},
		{1, 1<<63 - 1, false},
		{1 << 62, 1<<63 - 1, true},
		{1<<64 - 1, 1<<64 - 1, false},
		{2, 1, false},
	} {
		if got := checkpoint.ValidSubtree(tt.start, tt.end); got != tt.want {
			t.Errorf("[%d, %d): %v, want %v", tt.start, tt.end, got, tt.want)
		}
	}
}

// parseLine parses one signature line.
func parseLine(t *testing.T, line []byte) checkpoint.Signature {
	t.Helper()
	s, err := checkpoint.ParseSignatures(line)
	if err != nil || len(s) != 1 {
		t.Fatalf("signature line %q: %d lines, %v", line, len(s), err)
	}
	return s[0]
}

func TestSubtreeSignature(t *testing.T) {
	skey, vkey := newKey(t, checkpoint.MLDSA44)
	hash := [32]byte{1, 2, 3}
	line, err := newSigner(t, skey).SignSubtree(origin, 8, 13, hash)
	if err != nil {
		t.Fatal(err)
	}
	s := parseLine(t, line)
	v := newVerifier(t, vkey)
	if !v.VerifySubtree(origin, 8, 13, hash, s) {
		t.Error("good signature refused")
	}
	if v.VerifySubtree("example.com/other", 8, 13, hash, s) || v.VerifySubtree(origin, 8, 12, hash, s) ||
		v.VerifySubtree(origin, 0, 13, hash, s) || v.VerifySubtree(origin, 8, 13, [32]byte{}, s) {
		t.Error("signature accepted for another subtree")
	}
	_, stranger := newKey(t, checkpoint.MLDSA44)
	if newVerifier(t, stranger).VerifySubtree(origin, 8, 13, hash, s) {
		t.Error("signature accepted for another key")
	}
	_, ed := newKey(t, checkpoint.CosignatureEd25519)
	if newVerifier(t, ed).VerifySubtree(origin, 8, 13, hash, s) {
		t.Error("signature accepted for an Ed25519 key")
	}
	theirs, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if !theirs.VerifySubtree(origin, 8, 13, hash, line) {
		t.Error("torchwood refuses our signature")
	}
	also, err := formats.NewMLDSAVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if !also.VerifySubtree(0, origin, 8, 13, hash[:], s.Value) {
		t.Error("formats refuses our signature")
	}
}

func TestSubtreeSignatureOfTorchwood(t *testing.T) {
	key, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{1, 2, 3}
	line, err := theirs.SignSubtree(origin, 8, 13, hash)
	if err != nil {
		t.Fatal(err)
	}
	if !newVerifier(t, theirs.Verifier().String()).VerifySubtree(origin, 8, 13, hash, parseLine(t, line)) {
		t.Error("torchwood's signature refused")
	}
}

func TestCheckpointCosignatureIsOneOfTheWholeTree(t *testing.T) {
	skey, vkey := newKey(t, checkpoint.MLDSA44)
	line, err := newSigner(t, skey).SignLine([]byte(sofaBody))
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Parse([]byte(sofaBody))
	if err != nil {
		t.Fatal(err)
	}
	if !newVerifier(t, vkey).VerifySubtree(c.Origin, 0, c.Size, c.Root, parseLine(t, line)) {
		t.Error("the cosignature of a checkpoint is refused")
	}
}

func TestSignSubtreeRefuses(t *testing.T) {
	skey, _ := newKey(t, checkpoint.MLDSA44)
	ml := newSigner(t, skey)
	skey, _ = newKey(t, checkpoint.CosignatureEd25519)
	ed := newSigner(t, skey)
	if _, err := ed.SignSubtree(origin, 0, 1, [32]byte{}); err == nil {
		t.Error("an Ed25519 key signed a subtree")
	}
	if _, err := ml.SignSubtree(origin, 4, 12, [32]byte{}); err == nil {
		t.Error("signed what is not a subtree")
	}
	if _, err := ml.SignSubtree("", 0, 1, [32]byte{}); err == nil {
		t.Error("signed for a log without origin")
	}
	if _, err := ml.SignSubtree(origin, 5, 5, [32]byte{}); err == nil {
		t.Error("signed an empty subtree with another hash")
	}
	if _, err := ml.SignSubtree(origin, 5, 5, checkpoint.EmptyRoot()); err != nil {
		t.Errorf("empty subtree: %v", err)
	}
}
