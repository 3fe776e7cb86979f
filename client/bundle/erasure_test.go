package bundle

import (
	"bytes"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
)

func sampleErasure() *Erasure {
	return &Erasure{Entry: []byte(`{"kind":"erasure"}`), Index: 4711, Hashes: [][32]byte{{1}, {2}}, Checkpoint: []byte("log\n5\nAA==\n\n— log x\n")}
}

func TestErasureRoundTrip(t *testing.T) {
	data := sampleErasure().Marshal()
	got, err := ParseErasure(append(data, ' '))
	if err != nil || !bytes.Equal(got.Marshal(), data) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for name, change := range map[string][2]string{
		"version":         {`receiptlog/v1`, `receiptlog/v9`},
		"no checkpoint":   {`"checkpoint"`, `"checkpoints"`},
		"entry no object": {`{"kind":"erasure"}`, `7`},
		"index text":      {`4711`, `"4711"`},
		"index float":     {`4711`, `4711.5`},
		"hash short":      {`"AQAA`, `"AQ`},
		"null":            {`4711`, `null`},
	} {
		mangled := strings.Replace(string(data), change[0], change[1], 1)
		if mangled == string(data) {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := ParseErasure([]byte(mangled)); verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseErasure(f *testing.F) {
	f.Add(sampleErasure().Marshal())
	f.Add([]byte(`{"erasure":"receiptlog/v1"}`))
	f.Add([]byte(`{"erasure":`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseErasure(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		again, err := ParseErasure(e.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), e.Marshal()) {
			t.Fatalf("%q reads as %q and then %v", data, e.Marshal(), err)
		}
	})
}
