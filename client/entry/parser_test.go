package entry

import (
	"bytes"
	"reflect"
	"testing"
)

// sameAsParse holds a Parser that has seen things to Parse.
func sameAsParse(t *testing.T, p *Parser, data []byte) {
	t.Helper()
	got, err := p.Parse(data)
	want, wantErr := Parse(data)
	if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
		t.Fatalf("%q reads as %+v (%v), want %+v (%v)", data, got, err, want, wantErr)
	}
}

func TestParserAgrees(t *testing.T) {
	var p Parser
	good := sampleReceipt().Marshal()
	sameAsParse(t, &p, good)
	for i := range good {
		for b := range 256 {
			mangled := bytes.Clone(good)
			mangled[i] = byte(b)
			sameAsParse(t, &p, mangled)
		}
		sameAsParse(t, &p, good[:i])
	}
	sameAsParse(t, &p, sampleIssuer().Marshal())
	sameAsParse(t, &p, good)
}

func FuzzParser(f *testing.F) {
	f.Add(sampleReceipt().Marshal(), sampleReceipt().Marshal())
	f.Add(sampleReceipt().Marshal(), sampleIssuer().Marshal())
	f.Add([]byte(`{"at":"`), []byte(`{"at":"2026-05-12T10:00:00Z","commitment":"`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var p Parser
		sameAsParse(t, &p, first)
		sameAsParse(t, &p, second)
		sameAsParse(t, &p, first)
	})
}
