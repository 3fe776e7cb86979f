package witness

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestTenThousandLogs: memory does not grow with the number of logs that are known
// and rarely ask.
func TestTenThousandLogs(t *testing.T) {
	few, many := 2000, 10_000
	if testing.Short() {
		few, many = few/5, many/5
	}
	w := newWitness(t, Options{PerLogPerSecond: 1, PerLogBurst: 1})
	classic, _, err := checkpoint.GenerateCosignatureEd25519("witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	w.SetKeys(mustKeys(t, w.Now, classic))
	skey, vkey, err := note.GenerateKey(nil, "operator-of-many.example")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	before := uint64(0)
	for n := 0; n < many; n += few {
		var logs sync.WaitGroup
		for worker := range 50 {
			logs.Go(func() {
				for i := n + worker; i < n+few; i += 50 {
					if err := w.oneOfMany(fmt.Sprintf("many.example/%d", i), vkey, s); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		logs.Wait()
		if n == 0 {
			before = heap()
		}
	}
	after := heap()
	t.Logf("heap is %d KiB with %d logs, %d KiB with %d", before>>10, few, after>>10, many)
	if after > before+8<<20 {
		t.Errorf("heap grew from %d to %d bytes", before, after)
	}
	if w.Served() != many {
		t.Errorf("%d logs are served", w.Served())
	}
	runtime.KeepAlive(w)
}

func (w *testWitness) oneOfMany(origin, vkey string, s note.Signer) error {
	if _, err := w.AddLog(Log{Origin: origin, Keys: []string{vkey}}); err != nil {
		return err
	}
	body := checkpoint.Checkpoint{Origin: origin, Size: 1, Root: [32]byte{1}}.Body()
	signed, err := note.Sign(&note.Note{Text: string(body)}, s)
	if err != nil {
		return err
	}
	_, err = w.AddCheckpoint(context.Background(), append([]byte("old 0\n\n"), signed...))
	return err
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
