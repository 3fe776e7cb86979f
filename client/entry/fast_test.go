package entry

import (
	"bytes"
	"testing"
)

// TestScanAgrees holds the quick reader to the full one: what it takes, the
// full one takes as the same, and it takes every honest entry.
func TestScanAgrees(t *testing.T) {
	until := sampleReceipt()
	until.Retain = "2036-05-12T00:00:00Z"
	for _, r := range []Receipt{sampleReceipt(), until} {
		if _, ok := scanReceipt(r.Marshal()); !ok {
			t.Errorf("%s: left to the full reader", r.Marshal())
		}
	}
	good := sampleReceipt().Marshal()
	for i := range good {
		for b := range 256 {
			mangled := bytes.Clone(good)
			mangled[i] = byte(b)
			agree(t, mangled)
		}
		agree(t, good[:i])
		agree(t, append(bytes.Clone(good[:i]), good[i+1:]...))
	}
	agree(t, append(bytes.Clone(good), ' '))
}

func agree(t *testing.T, data []byte) {
	t.Helper()
	quick, ok := scanReceipt(data)
	if !ok {
		return
	}
	full, err := parseReceipt(data)
	if err != nil || !bytes.Equal(full.Marshal(), data) || quick != full {
		t.Fatalf("quick reader takes %q as %+v, full one as %+v (%v)", data, quick, full, err)
	}
}

func FuzzScanReceipt(f *testing.F) {
	f.Add(sampleReceipt().Marshal())
	f.Add([]byte(`{"at":"2026-05-12T09:00:03Z","commitment":"`))
	f.Add(bytes.Replace(sampleReceipt().Marshal(), []byte("armalo"), []byte(`arm\u0061lo`), 1))
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

func BenchmarkParse(b *testing.B) {
	data := sampleReceipt().Marshal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
