package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// The disk fails at its k-th change, and the process dies. Every receipt that was
// acknowledged is told, before the crash or after it; what is told is in the log;
// and one message has one ID.
func TestAtLeastOnceCrashAtTheKthWrite(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 5
	}
	for k := 1; ; k += step {
		reached := false
		t.Run(fmt.Sprint(k), func(t *testing.T) { reached = tellAndCrash(t, k) })
		if !reached {
			break
		}
		if k > 400 {
			t.Fatal("the workload has no end")
		}
	}
}

func tellAndCrash(t *testing.T, k int) (reached bool) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	w := logtest.New(t, quick, func(o *log.Options) {
		o.Dir, o.Storage.FS = "data", disk
		o.Webhooks.Delays = make([]time.Duration, 100)
	})
	e := newEar(t)
	e.answer(http.StatusInternalServerError) // about half before the crash
	add(w, e.URL, "", "receipt.logged")
	disk.SetFault(storagetest.Fault{At: disk.Ops() + k, Persisted: k%2 == 0})
	acknowledged := make(map[uint64]string)
	for i := range 6 {
		run := fmt.Sprint("run-", i)
		p, err := w.Log.Begin(t.Context(), w.Issuer.Receipt(run))
		var at uint64
		if err == nil {
			at, err = p.Index()
		}
		if err != nil {
			reached = true
			break
		}
		acknowledged[at] = run
		if i == 3 {
			e.answer(http.StatusOK)
		}
	}
	w.Abandon()
	w.Options.Storage.FS = disk.Crash(50, uint64(k))
	e.answer(http.StatusOK)
	w.Open()
	w.Submit(w.Issuer.Receipt("run-last"))
	ids := make(map[uint64]string)
	e.wait("all that was acknowledged", func(all []got) bool {
		clear(ids)
		for _, g := range all {
			d := g.Message.Data
			if id := ids[*d.Index]; id != "" && id != g.ID {
				t.Errorf("entry %d is told as %s and as %s", *d.Index, id, g.ID)
			}
			if run := acknowledged[*d.Index]; run != "" && run != d.RunID {
				t.Errorf("entry %d is told to be of %s, and is of %s", *d.Index, d.RunID, run)
			}
			ids[*d.Index] = g.ID
		}
		for at := range acknowledged {
			if ids[at] == "" {
				return false
			}
		}
		return true
	})
	for _, g := range e.all() {
		stored, err := w.Log.Run(t.Context(), g.Message.Data.RunID, log.View{All: true})
		if err != nil || len(stored) != 1 || stored[0].Index != *g.Message.Data.Index {
			t.Errorf("told of %s, of which the log has %v, %v", g.Body, stored, err)
		}
	}
	return reached
}

// No file ever holds text of a receipt on its way to a receiver, so that nothing of
// an erased one is left there (I7). A message about one that was erased says so, and
// that an erasure is done is told when its bodies are off the disk.
func TestI7OutboxHoldsNoText(t *testing.T) {
	disk := vfs.NewMem()
	w := logtest.New(t, quick, func(o *log.Options) {
		o.Dir, o.Storage.FS = "data", disk
		o.Webhooks.Delays = []time.Duration{1500 * time.Millisecond, time.Hour}
		o.Retention.Interval, o.Retention.ScrubEvery = 5*time.Millisecond, 400*time.Millisecond
	})
	e, operator, stranger := newEar(t), newEar(t), newEar(t)
	e.answer(http.StatusInternalServerError)
	add(w, e.URL, "acme", "receipt.logged", "gate.denied")
	add(w, operator.URL, "", "erasure.done")
	add(w, stranger.URL, "globex", "erasure.done")
	b := w.Submit(w.Issuer.Receipt("run-that-is-erased", troubled))
	e.wait("both in vain", func(all []got) bool { return len(all) >= 2 })
	org := logtest.Must(w.Log.Handle("acme"))
	at, _, err := w.Log.Keeper().Erase(t.Context(), org, []uint64{b.Index}, "GDPR Article 17", "case 31")
	if err != nil {
		t.Fatal(err)
	}
	g := operator.one("erasure.done")
	if !w.Log.Keeper().Idle() {
		t.Error("told of an erasure that is not off the disk")
	}
	if d := g.Message.Data; *d.Index != at || d.Org != "acme" || d.Count != 1 {
		t.Errorf("tells %s", g.Body)
	}
	for _, name := range logtest.Must(disk.List("data")) {
		f, err := disk.Open(disk.PathJoin("data", name))
		if err != nil {
			continue // a file that went meanwhile
		}
		data, _ := io.ReadAll(f)
		f.Close()
		for _, text := range []string{"run-that-is-erased", "git.example/shop", "github.write-branch", "maker"} {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s holds %q", name, text)
			}
		}
	}
	e.answer(http.StatusOK)
	all := e.wait("them again", func(all []got) bool { return len(all) >= 4 })
	for _, g := range all[2:] {
		if d := g.Message.Data; !d.Erased || *d.Index != b.Index || d.RunID != "" || d.Org != "" || bytes.Contains(g.Body, []byte("run-that")) {
			t.Errorf("tells %s", g.Body)
		}
	}
	if len(stranger.all()) != 0 {
		t.Errorf("another organisation hears %s", stranger.all()[0].Body)
	}
}
