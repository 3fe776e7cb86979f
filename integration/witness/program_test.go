package witness

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json/v2"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestStatusesAgree: where the specification has one answer, litewitness and our
// witness give the same.
func TestStatusesAgree(t *testing.T) {
	l, stranger := newLog(t, "log.example/statuses"), newLog(t, "log.example/stranger")
	impostor := newLog(t, l.origin)
	good := func(from, to uint64) string { return l.request(from, to) }
	fork := l.fork()
	steps := []struct {
		name, request string
		want          int
	}{
		{"first", good(0, 5), 200},
		{"again", good(5, 5), 200},
		{"next", good(5, 9), 200},
		{"old size", good(5, 12), 409},
		{"zero", good(0, 12), 409},
		{"fork", fork.request(9, 12), 422},
		{"no proof", fmt.Sprintf("old 9\n\n%s", l.signed(12)), 422},
		{"impostor", impostor.request(9, 12), 403},
		{"unknown", stranger.request(0, 1), 404},
		{"backwards", fmt.Sprintf("old 12\n\n%s", l.signed(9)), 400},
		{"garbage", "old\n\n", 400},
		{"on", good(9, 12), 200},
	}
	for _, w := range []*witness{ours(t, "witness.example/ours"), foreign(t, "witness.example/lite")} {
		w.add(l.origin, l.vkey)
		for _, s := range steps {
			if status, body := post(http.DefaultClient, w.url, s.request); status != s.want {
				t.Errorf("%s: %s: got %d %q, want %d", w.name, s.name, status, body, s.want)
			} else if status == 409 && body != "9\n" {
				t.Errorf("%s: %s: got size %q", w.name, s.name, body)
			}
		}
	}
}

// TestBehindBastion: a witness with no open port is reached through litebastion.
func TestBehindBastion(t *testing.T) {
	dir := t.TempDir()
	address := freeAddress(t)
	w := &witness{dir: filepath.Join(dir, "w")}
	program := filepath.Join(programs, "receiptwitness")
	made := run(t, program, "init", "--dir", w.dir, "--name", "witness.example/hidden", "--listen", "", "--bastion", address)
	_, path, _ := strings.Cut(made, "bastions serve it under: /")
	path, _, _ = strings.Cut(path, "/")
	l := newLog(t, "log.example/bastion")
	run(t, program, "add-log", "--dir", w.dir, l.vkey)

	cert, key := certificate(t, dir)
	backends := filepath.Join(dir, "backends")
	if err := os.WriteFile(backends, []byte(path+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bastion := func() *process {
		return start(t, dir, filepath.Join(peers, "litebastion"), "-listen", address, "-tls-cert", cert, "-tls-key", key, "-backends", backends)
	}
	b := bastion()
	w.process = start(t, ".", program, "serve", "--dir", w.dir, "--bastion-roots", cert)
	pem, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	url := "https://" + address + "/" + path
	w.await("way through the bastion", func() bool {
		status, _ := post(client, url, l.request(0, 3))
		return status == 200
	})
	if status, body := post(client, url, l.request(0, 4)); status != 409 || body != "3\n" {
		t.Errorf("through the bastion: %d %q", status, body)
	}
	b.kill() // and it comes back by itself
	b = bastion()
	w.await("way through the new bastion", func() bool {
		client.CloseIdleConnections()
		status, _ := post(client, url, l.request(3, 7))
		return status == 200
	})
	w.stop()
}

// TestKilledAtAnyTime kills the witness again and again while two forks of each
// log race at it. No signature that left is ahead of its state, and none
// contradicts another.
func TestKilledAtAnyTime(t *testing.T) {
	const logs, kills = 4, 6
	w := ours(t, "witness.example/mortal")
	var trees [logs][2]*playedLog
	for i := range trees {
		l := newLog(t, fmt.Sprintf("log.example/%d", i))
		trees[i] = [2]*playedLog{l, l.fork()}
		w.add(l.origin, l.vkey)
	}
	var left [logs]sync.Map // size -> root, of every signature that left
	var answers atomic.Int64
	for round := range kills {
		url := w.url
		stop := make(chan struct{})
		var racers sync.WaitGroup
		for i := range trees {
			racers.Go(func() { race(t, trees[i], url, &left[i], &answers, stop) })
		}
		time.Sleep(time.Duration(150+rand.IntN(200)) * time.Millisecond)
		w.kill()
		close(stop)
		racers.Wait()
		w.serve(t)
		sizes := w.sizes(t)
		for i := range trees {
			left[i].Range(func(size, _ any) bool {
				if origin := trees[i][0].origin; sizes[origin] < size.(uint64) {
					t.Errorf("I8: round %d: %s: a signature left on size %d, and the state is %d", round, origin, size, sizes[origin])
				}
				return true
			})
		}
	}
	if answers.Load() < kills {
		t.Fatalf("%d answers in all: there was no race", answers.Load())
	}
	t.Logf("%d signatures left in %d lives", answers.Load(), kills)
	w.stop()
	run(t, filepath.Join(programs, "receiptwitness"), "fsck", "--dir", w.dir)
}

// race lets the two trees of one log ask for the next size in turn.
func race(t *testing.T, trees [2]*playedLog, url string, left *sync.Map, answers *atomic.Int64, stop chan struct{}) {
	known := uint64(0)
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		l := trees[n%2]
		status, body := post(http.DefaultClient, url, l.request(known, known+1))
		switch status {
		case 409:
			size, err := strconv.ParseUint(strings.TrimSpace(body), 10, 64)
			if err != nil {
				t.Error(err)
				return
			}
			known = size
		case 200:
			answers.Add(1)
			known++
			root := [32]byte(l.tree.HashAt(known))
			if before, loaded := left.LoadOrStore(known, root); loaded && before != root {
				t.Errorf("%s: two roots were cosigned for size %d", l.origin, known)
			}
			sigs, err := checkpoint.ParseSignatures([]byte(body))
			if err != nil || len(sigs) != 2 {
				t.Errorf("%s: answered %q", l.origin, body)
			}
		}
	}
}

// sizes returns what list-logs says was cosigned of each log.
func (w *witness) sizes(t *testing.T) map[string]uint64 {
	t.Helper()
	out, err := exec.Command(filepath.Join(programs, "receiptwitness"), "list-logs", "--dir", w.dir, "--json").Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("list-logs: %v\n%s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	sizes := make(map[string]uint64)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var s struct {
			Origin string `json:"origin"`
			Size   uint64 `json:"size"`
		}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		sizes[s.Origin] = s.Size
	}
	return sizes
}
