package bundle

import (
	"bytes"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

func sample() *Bundle {
	return &Bundle{
		Receipt:    []byte(`{"id":"é\n"}`),
		Entry:      []byte(`{"kind":"receipt"}`),
		Salt:       [32]byte{0xab, 31: 1},
		Index:      7,
		Hashes:     [][32]byte{{1}, {2}},
		Checkpoint: []byte("log.example\n8\nroot\n\n— log.example c2ln\n"),
		Issuer:     &IssuerEvidence{Entry: []byte(`{"kind":"issuer"}`), Index: 3, Hashes: [][32]byte{{3}}},
	}
}

func TestRoundTrip(t *testing.T) {
	alone := sample()
	alone.Issuer, alone.Hashes = nil, nil
	for _, b := range []*Bundle{sample(), alone} {
		data := b.Marshal()
		got, err := Parse(data)
		if err != nil {
			t.Fatalf("Parse(%s): %v", data, err)
		}
		if !bytes.Equal(got.Marshal(), data) {
			t.Errorf("got  %s\nwant %s", got.Marshal(), data)
		}
	}
}

func TestParseTakesOtherSpacing(t *testing.T) {
	data := sample().Marshal()
	spaced := bytes.ReplaceAll(data, []byte(`":`), []byte("\" :\n"))
	got, err := Parse(spaced)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), data) {
		t.Errorf("got %s", got.Marshal())
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(sample().Marshal())
	for name, edit := range map[string][2]string{
		"another version":   {`receiptlog/v1`, `receiptlog/v2`},
		"unknown member":    {`"salt"`, `"extra":1,"salt"`},
		"no salt":           {`,"salt":"ab`, `,"pepper":"ab`},
		"short salt":        {`"salt":"ab`, `"salt":"`},
		"upper-case salt":   {`"salt":"ab`, `"salt":"AB`},
		"no checkpoint":     {`"checkpoint":"`, `"check":"`},
		"checkpoint null":   {`"checkpoint":"log.example\n8\nroot\n\n— log.example c2ln\n"`, `"checkpoint":null`},
		"receipt a string":  {`"receipt":{"id":"é\n"}`, `"receipt":"x"`},
		"entry a list":      {`"entry":{"kind":"receipt"}`, `"entry":[]`},
		"negative index":    {`"index":7`, `"index":-7`},
		"index too large":   {`"index":7`, `"index":9007199254740992`},
		"fractional index":  {`"index":7`, `"index":7.5`},
		"no index":          {`"index":7,`, ``},
		"short hash":        {`"AQAA`, `"AQ`},
		"loose base64":      {`AAA="`, `AAB="`},
		"newline in base64": {`"AQAA`, `"AQ\nAA`},
		"too many hashes":   {`"inclusion":[`, `"inclusion":[` + strings.Repeat(`"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",`, 62)},
		"inclusion null":    {`"inclusion":["AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]`, `"inclusion":null`},
		"issuer null":       {`"issuer":{"entry":{"kind":"issuer"},"inclusion":["AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"index":3}`, `"issuer":null`},
		"issuer unknown":    {`"index":3`, `"index":3,"x":1`},
		"issuer no entry":   {`"issuer":{"entry":{"kind":"issuer"},`, `"issuer":{`},
		"duplicate member":  {`"salt"`, `"salt":"","salt"`},
		"trailing data":     {`"}`, `"}{}`},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(good, edit[0], edit[1], 1)
			if data == good {
				t.Fatal("the case changes nothing")
			}
			b, err := Parse([]byte(data))
			if err == nil {
				t.Fatalf("accepted as %s", b.Marshal())
			}
			if code := verdict.CodeOf(err); code != verdict.Malformed {
				t.Errorf("code %s for %v", code, err)
			}
		})
	}
	if _, err := Parse(make([]byte, MaxBytes+1)); verdict.CodeOf(err) != verdict.TooLarge {
		t.Errorf("over-long: %v", err)
	}
}

// TestDeepestReceipt holds that whatever depth a receipt or a DID document may
// have on its own, it may have in a bundle.
func TestDeepestReceipt(t *testing.T) {
	deep := func(levels int) string {
		return strings.Repeat(`{"a":`, levels-1) + "{}" + strings.Repeat("}", levels-1)
	}
	b := sample()
	b.Receipt = []byte(deep(jcs.MaxDepth))
	b.Issuer.Entry = []byte(`{"document":` + deep(jcs.MaxDepth) + `,"kind":"issuer"}`)
	if _, err := Parse(b.Marshal()); err != nil {
		t.Error(err)
	}
}

func TestFromTlogProofRefuses(t *testing.T) {
	b := sample()
	for name, extra := range map[string]string{
		"no extra":       "",
		"not JSON":       "x",
		"no salt":        `{"entry":{}}`,
		"unknown member": `{"entry":{},"salt":"` + strings.Repeat("0", 64) + `","x":1}`,
	} {
		p := &proof.Proof{Index: 1, Checkpoint: b.Checkpoint}
		if extra != "" {
			p.Extra = []byte(extra)
		}
		if _, err := FromTlogProof(b.Receipt, p); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Marshal())
	f.Add([]byte(`{"bundle":"receiptlog/v1"}`))
	f.Add(bytes.Replace(sample().Marshal(), []byte("7"), []byte("7e0"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		again, err := Parse(b.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), b.Marshal()) {
			t.Fatalf("does not round-trip: %v", err)
		}
	})
}
