package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

var at = time.Date(2026, 5, 12, 10, 0, 3, 999, time.FixedZone("", 3600))

func sampleReceipt() Receipt {
	return Receipt{
		Commitment: sha256.Sum256([]byte("x")),
		Issuer:     "did:web:armalo.ai",
		Key:        "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
		Org:        "00112233445566778899aabbccddeeff",
		At:         at,
		Retain:     Indefinite,
	}
}

func sampleIssuer() Issuer {
	return Issuer{DID: "did:web:armalo.ai", Document: []byte(`{"id":"did:web:armalo.ai","n":[1,{"a":null}]}`), At: at}
}

func TestRoundTrip(t *testing.T) {
	until := sampleReceipt()
	until.Retain = "2036-05-12T00:00:00Z"
	for _, e := range []Entry{sampleReceipt(), until, sampleIssuer()} {
		data := e.Marshal()
		got, err := Parse(data)
		if err != nil {
			t.Fatalf("Parse(%s): %v", data, err)
		}
		if got.Kind() != e.Kind() || !bytes.Equal(got.Marshal(), data) {
			t.Errorf("got %s, want %s", got.Marshal(), data)
		}
		independent, err := jsoncanonicalizer.Transform(data)
		if err != nil || !bytes.Equal(independent, data) {
			t.Errorf("not canonical for an independent implementation: %s (%v)", independent, err)
		}
	}
	if n := len(sampleReceipt().Marshal()); n > 400 {
		t.Errorf("a receipt entry has %d bytes, the design says about 350", n)
	}
}

func TestReceiptEntryBytes(t *testing.T) {
	want := `{"at":"2026-05-12T09:00:03Z","commitment":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",` +
		`"issuer":"did:web:armalo.ai","key":"z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2","kind":"receipt",` +
		`"org":"00112233445566778899aabbccddeeff","retain":"indefinite"}`
	if got := string(sampleReceipt().Marshal()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(sampleReceipt().Marshal())
	issuer := string(sampleIssuer().Marshal())
	for name, data := range map[string]string{
		"empty":                "",
		"not an object":        "[]",
		"unknown kind":         strings.Replace(good, `"receipt"`, `"other"`, 1),
		"no kind":              strings.Replace(good, `"kind":"receipt",`, "", 1),
		"unknown member":       strings.Replace(good, `"retain"`, `"retain2"`, 1),
		"additional member":    strings.Replace(good, `}`, `,"z":1}`, 1),
		"duplicate member":     strings.Replace(good, `"org"`, `"kind":"receipt","org"`, 1),
		"white space":          strings.Replace(good, `,`, `, `, 1),
		"trailing newline":     good + "\n",
		"upper-case hex":       strings.Replace(good, "2d7116", "2D7116", 1),
		"short commitment":     strings.Replace(good, "2d7116", "2d71", 1),
		"not hex":              strings.Replace(good, "2d7116", "2d711g", 1),
		"local time":           strings.Replace(good, "09:00:03Z", "10:00:03+01:00", 1),
		"fractional seconds":   strings.Replace(good, "09:00:03Z", "09:00:03.5Z", 1),
		"not a DID":            strings.Replace(good, "did:web:armalo.ai", "armalo.ai", 1),
		"DID with fragment":    strings.Replace(good, "did:web:armalo.ai", "did:web:armalo.ai#k", 1),
		"DID with no id":       strings.Replace(good, "did:web:armalo.ai", "did:web:", 1),
		"not a multikey":       strings.Replace(good, "z6Mk", "x6Mk", 1),
		"no key":               strings.Replace(good, "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2", "", 1),
		"short handle":         strings.Replace(good, "00112233445566778899aabbccddeeff", "00", 1),
		"unknown retention":    strings.Replace(good, "indefinite", "forever", 1),
		"escaped character":    strings.Replace(good, "armalo", `arm\u0061lo`, 1),
		"members out of order": `{"kind":"receipt",` + strings.Replace(good[1:], `"kind":"receipt",`, "", 1),
		"document not object":  strings.Replace(issuer, `{"id":"did:web:armalo.ai","n":[1,{"a":null}]}`, `"x"`, 1),
		"document unsorted":    strings.Replace(issuer, `{"id":"did:web:armalo.ai","n":[1,{"a":null}]}`, `{"n":1,"id":"x"}`, 1),
		"document number form": strings.Replace(issuer, `[1,`, `[1.0,`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if data == good || data == issuer {
				t.Fatal("the case changes nothing")
			}
			e, err := Parse([]byte(data))
			if err == nil {
				t.Fatalf("accepted as %#v", e)
			}
			if code := verdict.CodeOf(err); code != verdict.Malformed {
				t.Errorf("code %q for %v", code, err)
			}
		})
	}
	if _, err := Parse(make([]byte, MaxBytes+1)); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("over-long entry: %v", err)
	}
}

// TestOneByteChange holds that no change of one byte gives an entry that reads
// as the same thing: either it is refused or it says something else.
func TestOneByteChange(t *testing.T) {
	good := sampleReceipt().Marshal()
	for i := range good {
		for _, b := range []byte{good[i] ^ 1, good[i] ^ 0x20, ' ', '0', 0} {
			if b == good[i] {
				continue
			}
			mangled := bytes.Clone(good)
			mangled[i] = b
			if e, err := Parse(mangled); err == nil && !bytes.Equal(e.Marshal(), mangled) {
				t.Fatalf("byte %d as %q: accepted %q as %q", i, b, mangled, e.Marshal())
			}
		}
	}
}

func TestCommit(t *testing.T) {
	var salt [SaltSize]byte
	copy(salt[:], "0123456789abcdef0123456789abcdef")
	want := sha256.Sum256([]byte("receiptlog/v1/commitment\n0123456789abcdef0123456789abcdef{}"))
	if got := Commit(salt, []byte("{}")); got != want {
		t.Errorf("got %s, want %s", hex.EncodeToString(got[:]), hex.EncodeToString(want[:]))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sampleReceipt().Marshal())
	f.Add(sampleIssuer().Marshal())
	f.Add([]byte(`{"kind":"receipt"}`))
	f.Add([]byte(`{"kind":"issuer","document":{"a":1e400}}`))
	f.Add([]byte("{\"kind\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if !bytes.Equal(e.Marshal(), data) {
			t.Fatalf("accepted %q, which marshals as %q", data, e.Marshal())
		}
	})
}
