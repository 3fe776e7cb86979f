package witness

import (
	"context"
	"fmt"
	"testing"
	"time"

	"filippo.io/torchwood"
	"filippo.io/torchwood/tesserax"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/policy"
)

// tesseraLog is a log by Tessera's POSIX driver that asks its witnesses itself.
type tesseraLog struct {
	t        *testing.T
	vkey     string
	appender *tessera.Appender
	reader   tessera.LogReader
}

// policyText returns a policy of k of the witness lines given as name, vkey, url.
func policyText(vkey string, k int, lines [][3]string) []byte {
	text, names := "log "+vkey+"\n", ""
	for _, l := range lines {
		text += fmt.Sprintf("witness %s %s %s\n", l[0], l[1], l[2])
		names += " " + l[0]
	}
	return fmt.Appendf(nil, "%sgroup g %d%s\nquorum g\n", text, k, names)
}

func newTessera(t *testing.T, origin string, witnesses ...*witness) (*tesseraLog, note.Signer) {
	skey, vkey, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range witnesses {
		w.add(origin, vkey)
	}
	return &tesseraLog{t: t, vkey: vkey}, s
}

func (l *tesseraLog) start(s note.Signer, policy []byte) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	group, err := tessera.NewWitnessGroupFromPolicy(policy)
	if err != nil {
		l.t.Fatal(err)
	}
	driver, err := posix.New(ctx, posix.Config{Path: l.t.TempDir()})
	if err != nil {
		l.t.Fatal(err)
	}
	opts := tessera.NewAppendOptions().WithCheckpointSigner(s).WithCheckpointInterval(100*time.Millisecond).
		WithBatching(16, 20*time.Millisecond).WithWitnesses(group, &tessera.WitnessOptions{FailOpen: false})
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, opts)
	if err != nil {
		l.t.Fatal(err)
	}
	l.appender, l.reader = appender, reader
	l.t.Cleanup(func() {
		if err := shutdown(ctx); err != nil {
			l.t.Error(err)
		}
		cancel()
	})
}

// grow adds entries and returns the published checkpoint over all of them.
func (l *tesseraLog) grow(entries int) []byte {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	await := tessera.NewPublicationAwaiter(ctx, l.reader.ReadCheckpoint, 20*time.Millisecond)
	var signed []byte
	var last tessera.IndexFuture
	for n := range entries {
		last = l.appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "%d of %d at %v", n, entries, time.Now())))
	}
	_, signed, err := await.Await(ctx, last)
	if err != nil {
		l.t.Fatalf("publish with witnesses: %v", err)
	}
	return signed
}

// accept has torchwood and our own policy verify a checkpoint.
func accept(t *testing.T, policyText, signed []byte, cosignatures int) {
	t.Helper()
	theirs, err := torchwood.ParsePolicy(policyText)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(signed, theirs); err != nil {
		t.Errorf("torchwood refuses it: %v\n%s", err, signed)
	}
	p, err := policy.Parse(policyText)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Verify(signed)
	if err != nil || len(v.Cosignatures) < cosignatures {
		t.Errorf("we refuse it: %v\n%s", err, signed)
	}
}

// read has torchwood's client verify a checkpoint and read every entry under it.
func (l *tesseraLog) read(policyText, signed []byte) {
	l.t.Helper()
	theirs, err := torchwood.ParsePolicy(policyText)
	if err != nil {
		l.t.Fatal(err)
	}
	c, _, err := torchwood.VerifyCheckpoint(signed, theirs)
	if err != nil {
		l.t.Fatalf("torchwood refuses it: %v\n%s", err, signed)
	}
	client, err := torchwood.NewClient(tesserax.NewTileReader(l.reader))
	if err != nil {
		l.t.Fatal(err)
	}
	entries := int64(0)
	for range client.AllEntries(l.t.Context(), c.Tree, 0) {
		entries++
	}
	if err := client.Err(); err != nil || entries != c.N {
		l.t.Errorf("torchwood reads %d of %d entries: %v", entries, c.N, err)
	}
}

// TestWeCosignTesseraLogs: a log run by Tessera's POSIX driver asks our witness,
// for a line of either algorithm, and torchwood's client reads the log under it.
func TestWeCosignTesseraLogs(t *testing.T) {
	w := ours(t, "witness.example/ours")
	for i, algorithm := range []string{"ed25519", "ml-dsa-44"} {
		t.Run(algorithm, func(t *testing.T) {
			l, s := newTessera(t, "tessera.example/"+algorithm, w)
			p := policyText(l.vkey, 1, [][3]string{{"w", w.vkeys[i], w.url}})
			l.start(s, p)
			for _, n := range []int{1, 5, 300} {
				signed := l.grow(n)
				accept(t, p, signed, 1)
				l.read(p, signed)
			}
		})
	}
	w.stop()
}

// TestWithForeignWitnesses: three of three are wanted, two of them litewitnesses.
func TestWithForeignWitnesses(t *testing.T) {
	a, b, c := ours(t, "witness.example/ours"), foreign(t, "witness.example/lite1"), foreign(t, "witness.example/lite2")
	l, s := newTessera(t, "tessera.example/three", a, b, c)
	p := policyText(l.vkey, 3, [][3]string{{"a", a.vkeys[1], a.url}, {"b", b.vkeys[0], b.url}, {"c", c.vkeys[0], c.url}})
	l.start(s, p)
	for _, n := range []int{1, 20} {
		accept(t, p, l.grow(n), 3)
	}
}
