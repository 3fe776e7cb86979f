package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestForeignLogWithExtensionLines: a log that is not of our kind, signs with x/mod
// and writes extension lines, is cosigned by our witness as by litewitness, with
// every line of the checkpoint under the Ed25519 cosignature.
func TestForeignLogWithExtensionLines(t *testing.T) {
	const more = "Timestamp: 1689748607742585419\nanything at all\n"
	skey, vkey, err := note.GenerateKey(nil, "sum.example/foreign")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	l := newLog(t, s.Name())
	// request asks for the step as this log would; signed is its checkpoint.
	request := func(from, to uint64) (request string, signed []byte) {
		head, plain, _ := strings.Cut(l.request(from, to), "\n\n")
		body, _, _ := strings.Cut(plain, "\n\n")
		signed, err := note.Sign(&note.Note{Text: body + "\n" + more}, s)
		if err != nil {
			t.Fatal(err)
		}
		return head + "\n\n" + string(signed), signed
	}
	logs, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*witness{ours(t, "witness.example/ours"), foreign(t, "witness.example/lite")} {
		w.add(l.origin, vkey)
		ed25519, err := torchwood.NewCosignatureVerifier(w.vkeys[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range [][2]uint64{{0, 5}, {5, 5}, {5, 9}} {
			ask, signed := request(step[0], step[1])
			status, lines := post(http.DefaultClient, w.url, ask)
			if status != http.StatusOK {
				t.Fatalf("%s: %d %s", w.name, status, lines)
			}
			signed = append(signed, lines...)
			n, err := note.Open(signed, note.VerifierList(logs, ed25519))
			if err != nil || len(n.Sigs) != 2 || !strings.HasSuffix(n.Text, more) {
				t.Errorf("%s: %v\n%s", w.name, err, signed)
			}
			if _, err := note.Open([]byte(strings.Replace(string(signed), "anything", "something", 1)), note.VerifierList(ed25519)); err == nil {
				t.Errorf("%s: its cosignature does not cover the extension lines", w.name)
			}
			if len(w.vkeys) == 2 {
				checkOurs(t, w, l.origin, signed)
			}
		}
	}
}

// checkOurs holds that the line of ML-DSA-44 is on the checkpoint too, and that the
// monitoring endpoint serves just that.
func checkOurs(t *testing.T, w *witness, origin string, signed []byte) {
	t.Helper()
	v, err := checkpoint.NewVerifier(w.vkeys[1])
	if err != nil {
		t.Fatal(err)
	}
	n, err := checkpoint.ParseNote(signed)
	if err != nil {
		t.Fatal(err)
	}
	if sigs, err := n.Verify(v); err != nil || len(sigs) != 1 {
		t.Errorf("%d lines of ML-DSA-44, %v", len(sigs), err)
	}
	hash := sha256.Sum256([]byte(origin))
	resp, err := http.Get(fmt.Sprintf("%s/%s/checkpoint", w.url, hex.EncodeToString(hash[:])))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if served, err := io.ReadAll(resp.Body); err != nil || string(served) != string(signed) {
		t.Errorf("%v: monitors are served\n%s\nand it cosigned\n%s", err, served, signed)
	}
}
