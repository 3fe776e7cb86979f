package procurement

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
)

const unsigned = `{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],` +
	`"credentialSubject":{"build":{"diff":{"sha256":"%064x"},"org":"acme","runId":"run-%d"}},"id":"urn:run:%[1]d","issuer":"did:web:issuer.example",` +
	`"type":["VerifiableCredential","BuildReceipt"],"validFrom":"2026-05-12T10:00:00Z"}`

// genuine is a bundle whose receipt and entry are of the right form.
func genuine(index uint64) *bundle.Bundle {
	b := sample(index)
	b.Receipt = fmt.Appendf(nil, unsigned, index, index)
	b.Entry = entry.Receipt{Commitment: [32]byte{7}, Issuer: "did:web:issuer.example", Key: "z6Mk", Org: strings.Repeat("0", 32),
		At: time.Unix(1_800_000_000, 0), Retain: entry.Indefinite}.Marshal()
	return b
}

// lineOf is the line of a bundle as the writer writes it.
func lineOf(t testing.TB, b *bundle.Bundle, issuer string) []byte {
	t.Helper()
	data, err := json.Marshal(line{"checkpoints/a.txt", b.Entry, encodeHashes(b.Hashes), b.Index, issuer, b.Receipt, fmt.Sprintf("%x", b.Salt)})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Lines as the writer writes them are read the short way, and to the same end.
func TestHonestLinesAreScanned(t *testing.T) {
	none := genuine(0)
	none.Hashes = [][32]byte{}
	for _, text := range [][]byte{lineOf(t, genuine(1), "issuers/a.json"), lineOf(t, genuine(1<<40), ""), lineOf(t, none, "issuers/b.json")} {
		got, ok := scanLine(text)
		if !ok {
			t.Fatalf("not scanned: %s", text)
		}
		agree(t, text, got)
	}
	a, err := open(write(t, genuine(3), genuine(4)))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all(a) {
		if r.Err != nil || r.Read == nil || !bytes.Equal(r.Read.Canonical(), r.Bundle.Receipt) {
			t.Errorf("%+v", r)
		}
	}
}

// agree holds what was scanned to what the long way reads.
func agree(t *testing.T, text []byte, got scanned) {
	t.Helper()
	want, err := parseLine("x", text)
	if err != nil {
		t.Fatalf("scanned, but refused: %v\n%s", err, text)
	}
	got.receipt = nil
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("scanned as\n%+v\nand read as\n%+v\n%s", got, want, text)
	}
}

// However a line is mangled, it is scanned as the long way reads it or not at all.
func TestMangledLinesAreNotScannedOtherwise(t *testing.T) {
	good := lineOf(t, genuine(12), "issuers/a.json")
	for at := range good {
		for _, c := range []byte("\x00 \"\\0aA9,:{}[]\xff") {
			bad := bytes.Clone(good)
			bad[at] = c
			if got, ok := scanLine(bad); ok {
				agree(t, bad, got)
			}
		}
		for _, bad := range [][]byte{append(bytes.Clone(good[:at]), good[at+1:]...), append(append(bytes.Clone(good[:at]), ' '), good[at:]...)} {
			if got, ok := scanLine(bad); ok {
				agree(t, bad, got)
			}
		}
	}
}

func FuzzScanLine(f *testing.F) {
	f.Add(lineOf(f, genuine(1), "issuers/a.json"))
	f.Add(lineOf(f, genuine(2), ""))
	f.Add(bytes.Replace(lineOf(f, genuine(3), ""), []byte(`"org":"acme"`), []byte(`"org":"acme","x":",\"inclusion\":["`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, ok := scanLine(text); ok {
			agree(t, text, got)
		}
	})
}
