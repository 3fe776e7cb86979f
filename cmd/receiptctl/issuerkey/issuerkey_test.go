package issuerkey

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/did"
)

func TestRoundTrip(t *testing.T) {
	for _, issuer := range []string{"", "did:web:armalo.ai", "did:web:localhost%3A8080:builds"} {
		k, err := Generate(issuer, "key-1")
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "issuer.key")
		if err := k.Save(name); err != nil {
			t.Fatal(err)
		}
		back, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if back.Method != k.Method || back.Controller != k.Controller || !back.Private.Equal(k.Private) {
			t.Errorf("%s: came back as %s of %s", issuer, back.Method, back.Controller)
		}
	}
}

// TestSecretFormat holds the encoding to one that the W3C suites read: seed
// 00..1f of the Multikey test vectors' family begins with z3u2.
func TestSecretFormat(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	k := &Key{Private: ed25519.NewKeyFromSeed(seed)}
	k.Controller, k.Method = did.KeyDID(k.Public()), did.KeyMethodID(k.Public())
	if text := string(k.Marshal()); !strings.Contains(text, `"secretKeyMultibase": "z3u2`) || !strings.Contains(text, `"publicKeyMultibase": "z6Mk`) {
		t.Error("not a Multikey as other tools write it")
	}
}

func TestNothingOverwritesAKey(t *testing.T) {
	name := filepath.Join(t.TempDir(), "issuer.key")
	k, err := Generate("", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Save(name); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(name)
	if err := k.Save(name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	after, _ := os.ReadFile(name)
	if !bytes.Equal(before, after) {
		t.Error("the file was touched")
	}
	if info, _ := os.Stat(name); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestExposedKeyIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "issuer.key")
	k, err := Generate("", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Save(name); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620} {
		os.Chmod(name, mode)
		if _, err := Load(name); !errors.Is(err, ErrExposed) {
			t.Errorf("mode %v: got %v", mode, err)
		}
	}
}

func TestDocumentAuthorisesTheKey(t *testing.T) {
	k, err := Generate("did:web:armalo.ai", "key-1")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := did.ParseDocument(k.Document())
	if err != nil {
		t.Fatal(err)
	}
	pub, err := doc.AssertionKey("did:web:armalo.ai#key-1")
	if err != nil || !pub.Equal(k.Public()) {
		t.Errorf("got %x, %v", pub, err)
	}
}

func TestGenerateRefusesWhatIsNoDID(t *testing.T) {
	for _, c := range [][2]string{{"armalo.ai", "key-1"}, {"did:web:armalo.ai#x", "key-1"}, {"did:web:armalo.ai", ""}, {"did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "key-1"}} {
		if _, err := Generate(c[0], c[1]); err == nil {
			t.Errorf("Generate(%q, %q) succeeded", c[0], c[1])
		}
	}
}

func FuzzParse(f *testing.F) {
	k, err := Generate("did:web:armalo.ai", "key-1")
	if err != nil {
		f.Fatal(err)
	}
	good := string(k.Marshal())
	f.Add(good)
	for i := 0; i < len(good); i += 7 {
		f.Add(good[:i] + "x" + good[i+1:])
	}
	f.Add("")
	f.Add("{}")
	f.Fuzz(func(t *testing.T, data string) {
		got, err := Parse([]byte(data))
		if err != nil {
			if strings.Contains(data, "z3u2") && strings.Contains(err.Error(), "z3u2") {
				t.Error("an error quotes the secret")
			}
			return
		}
		again, err := Parse(got.Marshal())
		if err != nil || !again.Private.Equal(got.Private) || again.Method != got.Method {
			t.Errorf("%q does not round-trip: %v", data, err)
		}
	})
}
