package proof_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

const origin = "example.com/log"

// logged is a log of 300 entries with one key and what proves entry 123 in it.
type logged struct {
	vkey  string
	index uint64
	leaf  [32]byte
	proof proof.Proof
}

func newLogged(t testing.TB) *logged {
	t.Helper()
	skey, vkey, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.NewSigner(skey, nil)
	if err != nil {
		t.Fatal(err)
	}
	const index, size = 123, 300
	f := newForest(t, size)
	signed, err := note.Sign(&note.Note{Text: string(checkpoint.Checkpoint{Origin: origin, Size: size, Root: f.root(t, size)}.Body())}, s)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := proof.Inclusion(t.Context(), f.tile, index, size)
	if err != nil {
		t.Fatal(err)
	}
	return &logged{vkey, index, proof.LeafHash(entry(index)), proof.Proof{Index: index, Hashes: hashes, Checkpoint: signed}}
}

// verify does what a verifier does with a proof.
func (l *logged) verify(data []byte) error {
	p, err := proof.Parse(data)
	if err != nil {
		return err
	}
	v, err := checkpoint.NewVerifier(l.vkey)
	if err != nil {
		return err
	}
	n, err := checkpoint.ParseNote(p.Checkpoint)
	if err != nil {
		return err
	}
	if got, err := n.Verify(v); err != nil || len(got) != 1 {
		return fmt.Errorf("%d signatures, %w", len(got), err)
	}
	c, err := checkpoint.Parse(n.Text)
	if err != nil {
		return err
	}
	return proof.VerifyInclusion(l.leaf, p.Index, c.Size, p.Hashes, c.Root)
}

// torchwoodVerify does the same with torchwood.
func (l *logged) torchwoodVerify(t testing.TB, data []byte) error {
	t.Helper()
	v, err := torchwood.NewLogVerifier(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	p := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(v))
	return torchwood.VerifyProof(p, tlog.Hash(l.leaf), data)
}

func TestMarshal(t *testing.T) {
	l := newLogged(t)
	for _, extra := range [][]byte{nil, []byte("entry and salt")} {
		l.proof.Extra = extra
		data := l.proof.Marshal()
		if err := l.verify(data); err != nil {
			t.Error(err)
		}
		if err := l.torchwoodVerify(t, data); err != nil {
			t.Errorf("torchwood: %v", err)
		}
		p, err := proof.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Extra, extra) || p.Index != 123 || !slices.Equal(p.Hashes, l.proof.Hashes) || !bytes.Equal(p.Checkpoint, l.proof.Checkpoint) {
			t.Errorf("proof comes back as %+v", p)
		}
		theirs := torchwood.FormatProof(123, tlogHashes(l.proof.Hashes), l.proof.Checkpoint)
		if len(extra) > 0 {
			theirs = torchwood.FormatProofWithExtraData(123, extra, tlogHashes(l.proof.Hashes), l.proof.Checkpoint)
		}
		if !bytes.Equal(data, theirs) {
			t.Errorf("torchwood writes the proof as\n%s\nand we as\n%s", theirs, data)
		}
	}
}

func TestProofOfATreeOfOneEntry(t *testing.T) {
	p := proof.Proof{Checkpoint: []byte(origin + "\n1\n" + zeroHash + "\n\n— a AAAAAAA=\n")}
	got, err := proof.Parse(p.Marshal())
	if err != nil || len(got.Hashes) != 0 {
		t.Errorf("proof comes back as %+v, %v", got, err)
	}
}

func TestEveryOneByteChangeIsRefused(t *testing.T) {
	l := newLogged(t)
	data := l.proof.Marshal()
	for i := range data {
		mangled := bytes.Clone(data)
		mangled[i] ^= 1 << (i % 8)
		if err := l.verify(mangled); err == nil {
			t.Fatalf("byte %d changed from %q to %q is accepted", i, data[i], mangled[i])
		}
	}
}

const (
	zeroHash   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	goodHeader = "c2sp.org/tlog-proof@v1\n"
	goodNote   = "\n" + origin + "\n300\n" + zeroHash + "\n\n— a AAAAAAA=\n"
)

// badProofs says what is wrong with each, and how it ends up.
var badProofs = map[string]struct {
	data string
	code verdict.Code
}{
	"empty":                     {"", verdict.Malformed},
	"header only":               {goodHeader, verdict.Malformed},
	"other version":             {"c2sp.org/tlog-proof@v2\nindex 0\n" + goodNote, verdict.Malformed},
	"space after header":        {"c2sp.org/tlog-proof@v1 \nindex 0\n" + goodNote, verdict.Malformed},
	"no index":                  {goodHeader + goodNote, verdict.Malformed},
	"index with plus":           {goodHeader + "index +0\n" + goodNote, verdict.Malformed},
	"index with minus":          {goodHeader + "index -0\n" + goodNote, verdict.Malformed},
	"index with leading zero":   {goodHeader + "index 00\n" + goodNote, verdict.Malformed},
	"index with space":          {goodHeader + "index  0\n" + goodNote, verdict.Malformed},
	"index of 2^63":             {goodHeader + "index 9223372036854775808\n" + goodNote, verdict.Malformed},
	"two indexes":               {goodHeader + "index 0\nindex 0\n" + goodNote, verdict.Malformed},
	"extra after index":         {goodHeader + "index 0\nextra AAAA\n" + goodNote, verdict.Malformed},
	"two extras":                {goodHeader + "extra AAAA\nextra AAAA\nindex 0\n" + goodNote, verdict.Malformed},
	"empty extra":               {goodHeader + "extra \nindex 0\n" + goodNote, verdict.Malformed},
	"extra with spare bits":     {goodHeader + "extra AAB=\nindex 0\n" + goodNote, verdict.Malformed},
	"extra without padding":     {goodHeader + "extra AAA\nindex 0\n" + goodNote, verdict.Malformed},
	"extra in URL alphabet":     {goodHeader + "extra AAA_\nindex 0\n" + goodNote, verdict.Malformed},
	"extra with CR":             {goodHeader + "extra AAAA\r\nindex 0\n" + goodNote, verdict.Malformed},
	"hash with spare bits":      {goodHeader + "index 0\n" + strings.Replace(zeroHash, "A=", "B=", 1) + "\n" + goodNote, verdict.Malformed},
	"hash with CR":              {goodHeader + "index 0\n" + zeroHash + "\r\n" + goodNote, verdict.Malformed},
	"hash of 31 bytes":          {goodHeader + "index 0\n" + strings.Replace(zeroHash, "AA=", "A==", 1) + "\n" + goodNote, verdict.Malformed},
	"hash too long":             {goodHeader + "index 0\n" + strings.Replace(zeroHash, "AA=", "AAA", 1) + "\n" + goodNote, verdict.Malformed},
	"64 hashes":                 {goodHeader + "index 0\n" + strings.Repeat(zeroHash+"\n", 64) + goodNote, verdict.Malformed},
	"ends within a hash":        {goodHeader + "index 0\n" + zeroHash, verdict.Malformed},
	"ends before empty line":    {goodHeader + "index 0\n" + zeroHash + "\n", verdict.Malformed},
	"no checkpoint":             {goodHeader + "index 0\n\n", verdict.CheckpointInvalid},
	"unsigned checkpoint":       {goodHeader + "index 0\n\n" + origin + "\n300\n" + zeroHash + "\n", verdict.CheckpointInvalid},
	"checkpoint with plus":      {goodHeader + "index 0\n" + strings.Replace(goodNote, "300", "+300", 1), verdict.CheckpointInvalid},
	"second empty line":         {goodHeader + "index 0\n\n" + goodNote, verdict.CheckpointInvalid},
	"extra without end":         {goodHeader + "extra " + strings.Repeat("A", proof.MaxExtraBytes*2) + "\nindex 0\n" + goodNote, verdict.TooLarge},
	"longer than all it can be": {goodHeader + strings.Repeat("A", proof.MaxBytes), verdict.TooLarge},
}

func TestParseRefuses(t *testing.T) {
	if _, err := proof.Parse([]byte(goodHeader + "index 0\n" + strings.Repeat(zeroHash+"\n", 63) + goodNote)); err != nil {
		t.Fatalf("the proof that the bad ones are made from: %v", err)
	}
	for name, tt := range badProofs {
		if p, err := proof.Parse([]byte(tt.data)); verdict.CodeOf(err) != tt.code {
			t.Errorf("%s: Parse = %+v, %v; want code %s", name, p, err, tt.code)
		}
	}
}

// TestStricterThanTorchwood holds that second spellings which torchwood takes for
// a good proof are refused.
func TestStricterThanTorchwood(t *testing.T) {
	l := newLogged(t)
	good := string(l.proof.Marshal())
	firstHash := base64.StdEncoding.EncodeToString(l.proof.Hashes[0][:])
	for what, sloppy := range map[string]string{
		"index with plus":         strings.Replace(good, "index 123\n", "index +123\n", 1),
		"index with leading zero": strings.Replace(good, "index 123\n", "index 0123\n", 1),
		"carriage return":         strings.Replace(good, firstHash, firstHash+"\r", 1),
		"empty extra":             strings.Replace(good, "index", "extra \nindex", 1),
	} {
		if err := l.torchwoodVerify(t, []byte(sloppy)); err != nil {
			t.Errorf("%s: torchwood refuses it too: %v", what, err)
		}
		if err := l.verify([]byte(sloppy)); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%s: error %v, want code malformed", what, err)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	_, err := proof.Parse([]byte(goodHeader + "extra AAAA\nindex 7\n" + zeroHash + "\nnonsense\n" + goodNote))
	if want := "line 5: hash is not the canonical base64 of 32 bytes"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// FuzzParse holds that a proof has one spelling.
func FuzzParse(f *testing.F) {
	l := newLogged(f)
	f.Add(l.proof.Marshal())
	l.proof.Extra = []byte("extra")
	f.Add(l.proof.Marshal())
	for name, tt := range badProofs {
		if len(tt.data) < 10_000 {
			f.Add([]byte(tt.data))
		} else {
			f.Logf("too large for a seed: %s", name)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := proof.Parse(data)
		if err != nil {
			return
		}
		if got := p.Marshal(); !bytes.Equal(got, data) {
			t.Fatalf("%q is written as %q", data, got)
		}
	})
}
