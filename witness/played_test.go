package witness

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"
)

// playedLog is a log under the test's control, honest or not. Its tree is that of
// another implementation.
type playedLog struct {
	t      testing.TB
	origin string
	vkey   string
	signer note.Signer // x/mod's, which signs anything
	tree   *testonly.Tree
	more   string // extension lines
}

func newLog(t testing.TB, origin string) *playedLog {
	skey, vkey, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &playedLog{t: t, origin: origin, vkey: vkey, signer: s, tree: testonly.New(rfc6962.DefaultHasher)}
}

func signer(t testing.TB, skey string) *checkpoint.Signer {
	s, err := checkpoint.NewSigner(skey, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fork returns a log of the same name and key with a tree of its own.
func (l *playedLog) fork() *playedLog {
	other := *l
	other.tree = testonly.New(rfc6962.DefaultHasher)
	other.tree.AppendData([]byte("the other tree"))
	return &other
}

// extended returns the same log, which writes extension lines.
func (l *playedLog) extended(lines ...string) *playedLog {
	other := *l
	other.more = strings.Join(lines, "\n") + "\n"
	return &other
}

// grow grows the tree to so many leaves.
func (l *playedLog) grow(size uint64) *playedLog {
	for n := l.tree.Size(); n < size; n++ {
		l.tree.AppendData(fmt.Appendf(nil, "%s entry %d", l.origin, n))
	}
	return l
}

func (l *playedLog) root(size uint64) [32]byte {
	if size == 0 {
		return sha256.Sum256(nil)
	}
	return [32]byte(l.tree.HashAt(size))
}

func (l *playedLog) body(size uint64) []byte {
	return append(checkpoint.Checkpoint{Origin: l.origin, Size: size, Root: l.root(size)}.Body(), l.more...)
}

// signed returns the checkpoint of that size.
func (l *playedLog) signed(size uint64) []byte {
	return sign(l.t, l.body(size), l.signer)
}

func sign(t testing.TB, body []byte, signers ...note.Signer) []byte {
	signed, err := note.Sign(&note.Note{Text: string(body)}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// proof returns the lines of the consistency proof between two sizes.
func (l *playedLog) proof(from, to uint64) string {
	var lines strings.Builder
	if from == 0 {
		return ""
	}
	hashes, err := l.tree.ConsistencyProof(from, to)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, h := range hashes {
		lines.WriteString(base64.StdEncoding.EncodeToString(h) + "\n")
	}
	return lines.String()
}

// request returns an add-checkpoint request for the step between two sizes.
func (l *playedLog) request(from, to uint64) []byte {
	l.grow(to)
	return fmt.Appendf(nil, "old %d\n%s\n%s", from, l.proof(from, to), l.signed(to))
}

// testKeys returns an Ed25519 and an ML-DSA-44 key.
func testKeys(t testing.TB, now func() time.Time) *Keys {
	a, _, err := checkpoint.GenerateCosignatureEd25519("witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := checkpoint.GenerateMLDSA44("witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	return mustKeys(t, now, a, b)
}

func mustKeys(t testing.TB, now func() time.Time, skeys ...string) *Keys {
	k, err := NewKeys(skeys, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// clock is a clock that the test moves.
type clock struct{ at time.Time }

func newClock() *clock                { return &clock{time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)} }
func (c *clock) Now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

// testWitness is a witness with a database in a temporary folder.
type testWitness struct {
	*Witness
	*clock
	t  testing.TB
	db *kv.DB
}

func newWitness(t testing.TB, opts Options, logs ...*playedLog) *testWitness {
	db, err := kv.Open(t.TempDir(), kv.Options{Create: true, Origin: "witness"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c := newClock()
	opts.Now = c.Now
	w, err := New(cas.New(db), testKeys(t, c.Now), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		if _, err := w.AddLog(Log{Keys: []string{l.vkey}}); err != nil {
			t.Fatal(err)
		}
	}
	return &testWitness{w, c, t, db}
}

// add adds a checkpoint and returns the lines.
func (w *testWitness) add(request []byte) []byte {
	w.t.Helper()
	lines, err := w.AddCheckpoint(context.Background(), request)
	if err != nil {
		w.t.Fatalf("add checkpoint: %v", err)
	}
	return lines
}

// refused adds a checkpoint that must be refused.
func (w *testWitness) refused(request []byte) *RefusedError {
	w.t.Helper()
	lines, err := w.AddCheckpoint(context.Background(), request)
	return refusal(w.t, lines, err)
}

func refusal(t testing.TB, lines []byte, err error) *RefusedError {
	t.Helper()
	no, ok := errors.AsType[*RefusedError](err)
	if !ok {
		t.Fatalf("got lines %q and error %v, want a refusal", lines, err)
	}
	if lines != nil {
		t.Fatalf("refused with %v, and yet answered %q", err, lines)
	}
	return no
}
