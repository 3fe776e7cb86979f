package cosign

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
)

const origin = "log.example/a"

// playedLog is the log whose checkpoints are cosigned, with a tree kept by
// another implementation.
type playedLog struct {
	t      *testing.T
	signer *checkpoint.Signer
	size   int64

	mu     sync.RWMutex // witnesses that are late read while the log grows
	hashes []tlog.Hash
}

func newLog(t *testing.T) *playedLog {
	skey, _, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.NewSigner(skey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &playedLog{t: t, signer: s}
}

// ReadHashes makes the log a [tlog.HashReader].
func (l *playedLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = l.hashes[index]
	}
	return hashes, nil
}

func (l *playedLog) grow(size int64) *playedLog {
	for ; l.size < size; l.size++ {
		young, err := tlog.StoredHashes(l.size, fmt.Appendf(nil, "entry %d", l.size), l)
		if err != nil {
			l.t.Fatal(err)
		}
		l.mu.Lock()
		l.hashes = append(l.hashes, young...)
		l.mu.Unlock()
	}
	return l
}

// read is the log's [proof.TileReader].
func (l *playedLog) read(_ context.Context, level uint8, index uint64, width uint16) ([]byte, error) {
	return tlog.ReadTileData(tlog.Tile{H: 8, L: int(level), N: int64(index), W: int(width)}, l)
}

func (l *playedLog) checkpoint(size int64) checkpoint.Checkpoint {
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return checkpoint.Checkpoint{Origin: origin, Size: uint64(size), Root: root}
}

func (l *playedLog) signed(size int64) []byte {
	c := l.checkpoint(size)
	line, err := l.signer.SignLine(c.Body())
	if err != nil {
		l.t.Fatal(err)
	}
	return append(append(c.Body(), '\n'), line...)
}

// cosign has the checkpoint of that size cosigned, from a tree of that size.
func (l *playedLog) cosign(c *Cosigner, size int64) ([]byte, error) {
	l.grow(size)
	cp := l.checkpoint(size)
	return c.Cosign(l.t.Context(), cp.Size, cp.Root, l.signed(size))
}

// playedWitness is a witness, honest unless a test sets misbehave.
type playedWitness struct {
	t       *testing.T
	name    string
	url     string
	skeys   []string
	signers []*checkpoint.Signer
	// misbehave may answer instead of the witness, and says whether it did.
	misbehave func(rw http.ResponseWriter, r *http.Request, body []byte) bool

	mu       sync.Mutex
	requests []string // first line of each POST
	last     checkpoint.Checkpoint
	signed   []byte // last, with the log's signature and ours
}

func newWitness(t *testing.T, name string) *playedWitness {
	w := &playedWitness{t: t, name: name, last: checkpoint.Checkpoint{Root: checkpoint.EmptyRoot()}}
	for _, generate := range []func(string) (string, string, error){checkpoint.GenerateCosignatureEd25519, checkpoint.GenerateMLDSA44} {
		skey, _, err := generate(name + ".example")
		if err != nil {
			t.Fatal(err)
		}
		s, err := checkpoint.NewSigner(skey, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		w.skeys = append(w.skeys, skey)
		w.signers = append(w.signers, s)
	}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *playedWitness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	if r.Method == http.MethodPost {
		line, _, _ := strings.Cut(string(body), "\n")
		w.requests = append(w.requests, line)
	}
	misbehave := w.misbehave
	w.mu.Unlock()
	if misbehave != nil && misbehave(rw, r, body) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method == http.MethodGet {
		if w.signed == nil {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write(w.signed)
		return
	}
	w.answer(rw, body)
}

func (w *playedWitness) answer(rw http.ResponseWriter, body []byte) {
	head, signed, _ := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	c, err := checkpoint.ParseSigned(signed)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	if lines[0] != fmt.Sprintf("old %d", w.last.Size) {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", w.last.Size)
		return
	}
	var hashes [][32]byte
	for _, line := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		hashes = append(hashes, [32]byte(h))
	}
	if err := proof.VerifyConsistency(w.last.Size, c.Size, w.last.Root, c.Root, hashes); err != nil {
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	ours := w.lines(c.Body(), w.signers...)
	w.last, w.signed = c, append(bytes.Clone(signed), ours...)
	_, _ = rw.Write(ours)
}

func (w *playedWitness) lines(body []byte, signers ...*checkpoint.Signer) (lines []byte) {
	for _, s := range signers {
		line, err := s.SignLine(body)
		if err != nil {
			w.t.Error(err)
		}
		lines = append(lines, line...)
	}
	return lines
}

// asked returns what the witness was asked to cosign since the last call.
func (w *playedWitness) asked() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Join(w.requests, ", ")
	w.requests = nil
	return all
}

func (w *playedWitness) setMisbehave(f func(rw http.ResponseWriter, r *http.Request, body []byte) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.misbehave = f
}

// notMonitored makes a witness one without a monitoring endpoint.
func notMonitored(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
	if r.Method == http.MethodGet {
		http.NotFound(rw, r)
	}
	return r.Method == http.MethodGet
}

// newPolicy returns a policy of which k of the witnesses are wanted, each by
// either of its keys.
func newPolicy(t *testing.T, l *playedLog, k int, witnesses ...*playedWitness) *policy.Policy {
	text := "log " + l.signer.Verifier().VKey() + "\n"
	names := ""
	for _, w := range witnesses {
		text += fmt.Sprintf("witness %s-a %s %s\nwitness %s-b %s %s\ngroup %s any %s-a %s-b\n",
			w.name, w.signers[0].Verifier().VKey(), w.url, w.name, w.signers[1].Verifier().VKey(), w.url, w.name, w.name, w.name)
		names += " " + w.name
	}
	p, err := policy.Parse(fmt.Appendf(nil, "%sgroup all-of-them %d%s\nquorum all-of-them\n", text, k, names))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newCosigner(t *testing.T, o Options) *Cosigner {
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 5 * time.Second
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
