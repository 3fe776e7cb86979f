package integration

import (
	"context"
	"crypto/ed25519"
	"encoding/json/jsontext"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	merkleproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	tapi "github.com/transparency-dev/tessera/api"
	tclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verify"
)

// issuer is a did:key that signs minimal receipts for tests.
type issuer struct {
	DID string
	key ed25519.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{DID: did.KeyDID(pub), key: key}
}

// Receipt signs a small receipt for a run.
func (i *issuer) Receipt(t testing.TB, runID string) []byte {
	t.Helper()
	return i.sign(t, i.credential(runID))
}

// Failed signs a receipt of a run in which a gate denied, a check failed and the jury
// blocked.
func (i *issuer) Failed(t testing.TB, runID string) []byte {
	t.Helper()
	return i.sign(t, strings.NewReplacer(`"verdict":"approve","votes"`, `"verdict":"block","votes"`,
		`"policyGates":[`, `"evals":{"checks":[{"id":"secrets","passed":false}]},"policyGates":[{"id":"github.write-branch","decision":"deny"},`).Replace(i.credential(runID)))
}

func (i *issuer) credential(runID string) string {
	return fmt.Sprintf(`{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],
		"id":"urn:run:%[1]s","type":["VerifiableCredential","BuildReceipt"],"issuer":%[2]q,"validFrom":"2026-05-12T10:00:00Z",
		"credentialSubject":{"id":"urn:build:%[1]s","build":{"runId":%[1]q,"org":"acme","project":"shop","repository":"https://git.example/acme/shop",
		"planSummary":"tidy up","spec":{"title":"tidy up","sha256":%[3]q},"plan":{"sha256":%[3]q,"rationale":"it is untidy"},
		"models":[{"provider":"example","model":"m","version":"1","role":"builder"}],
		"jury":{"verdict":"approve","votes":[{"model":"m","verdict":"approve","score":1,"rationale":"fine"}]},
		"policyGates":[{"id":"receipt.publish","decision":"allow","fired":false}],
		"diff":{"sha256":%[3]q,"base":%[4]q,"head":%[4]q,"files":[{"path":"a","change":"modified"}]}}}}`,
		runID, i.DID, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "da39a3ee5e6b4b0d3255bfef95601890afd80709")
}

func (i *issuer) sign(t testing.TB, credential string) []byte {
	t.Helper()
	signed, err := receipt.Sign([]byte(credential), i.key, receipt.SignOptions{
		VerificationMethod: i.DID + "#" + i.DID[len("did:key:"):],
		Created:            time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestIndependentToolsAgree grows one served log through the sizes at which
// tile arithmetic goes wrong and, at each, lets Tessera's fsck, x/mod's tlog,
// transparency-dev/merkle and torchwood judge it over HTTP.
func TestIndependentToolsAgree(t *testing.T) {
	sizes := []int{0, 1, 255, 256, 257, 65_536, 70_000}
	if testing.Short() {
		sizes = sizes[:5]
	}
	ctx := background(t)
	is := newIssuer(t)
	s := newServer(t, is.DID)
	s.Start()
	c, err := api.New(s.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var before *checkpoint.Checkpoint
	size := 0
	for _, want := range sizes {
		submitMany(t, ctx, c, is, size, want)
		size = want
		cp := judge(t, ctx, s, c, uint64(want))
		if before != nil {
			checkConsistency(t, ctx, c, *before, cp)
		}
		before = &cp
	}
	everyEntryReadByTorchwood(t, ctx, s, uint64(size))
	s.Stop()
}

// submitMany submits receipts until the log has size entries.
func submitMany(t *testing.T, ctx context.Context, c *api.Client, is *issuer, from, size int) {
	t.Helper()
	receipts := func(yield func([]byte, error) bool) {
		for n := from; n < size; n++ {
			if !yield(is.Receipt(t, fmt.Sprint("run-", n)), nil) {
				return
			}
		}
	}
	n := from
	for line, err := range c.SubmitMany(ctx, iter.Seq2[[]byte, error](receipts), true) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Error != nil {
			t.Fatalf("line %d: %v", line.Line, line.Error)
		}
		n++
	}
	if n != size {
		t.Fatalf("%d receipts were answered, want %d", n-from, size-from)
	}
}

// judge waits for the checkpoint of a size and has the log's state at it
// checked by others. It returns the checkpoint.
func judge(t *testing.T, ctx context.Context, s *server, c *api.Client, size uint64) checkpoint.Checkpoint {
	t.Helper()
	var signed []byte
	for {
		var err error
		if signed, err = c.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		cp, err := checkpoint.ParseSigned(signed)
		if err != nil {
			t.Fatal(err)
		}
		if cp.Size == size {
			break
		}
		if cp.Size > size {
			t.Fatalf("the log has %d entries, want %d", cp.Size, size)
		}
		time.Sleep(20 * time.Millisecond)
	}
	vkeys := s.VKeys()
	root, err := url.Parse(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := tclient.NewHTTPFetcher(root, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkeys[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := fsck.New(s.Origin, verifier, fetcher, leafHashes, fsck.Opts{N: 4}).Check(ctx); err != nil {
		t.Fatalf("tessera's fsck at size %d: %v", size, err)
	}
	p, err := policy.Parse(fmt.Appendf(nil, "log %s\nlog %s\nquorum none\n", vkeys[0], vkeys[1]))
	if err != nil {
		t.Fatal(err)
	}
	verified, err := p.Verify(signed)
	if err != nil {
		t.Fatal(err)
	}
	if len(verified.LogKeys) != 2 {
		t.Fatalf("signed by %v, want Ed25519 and ML-DSA-44", verified.LogKeys)
	}
	for range min(size, 20) {
		checkBundle(t, ctx, c, p, vkeys, rand.Uint64N(size))
	}
	return verified.Checkpoint
}

// leafHashes reads an entry bundle with Tessera's own parser.
func leafHashes(raw []byte) ([][]byte, error) {
	var b tapi.EntryBundle
	if err := b.UnmarshalText(raw); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(b.Entries))
	for i, e := range b.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return hashes, nil
}

// checkBundle fetches one run's bundle and has its proof accepted by four
// implementations: ours, merkle, tlog and torchwood.
func checkBundle(t *testing.T, ctx context.Context, c *api.Client, p *policy.Policy, vkeys []string, n uint64) {
	t.Helper()
	raw, err := c.Bundle(ctx, fmt.Sprint("run-", n), api.Pick{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if v := verify.Bundle(b, verify.Options{Policy: p}); !v.Verified {
		t.Fatalf("run-%d: %+v", n, v)
	}
	cp, err := checkpoint.ParseSigned(b.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(b.Entry)
	merkleHashes := make([][]byte, len(b.Hashes))
	tlogHashes := make(tlog.RecordProof, len(b.Hashes))
	for i := range b.Hashes {
		merkleHashes[i], tlogHashes[i] = b.Hashes[i][:], tlog.Hash(b.Hashes[i])
	}
	if err := merkleproof.VerifyInclusion(rfc6962.DefaultHasher, b.Index, cp.Size, leaf, merkleHashes, cp.Root[:]); err != nil {
		t.Fatalf("merkle refuses the proof of run-%d: %v", n, err)
	}
	if err := tlog.CheckRecord(tlogHashes, int64(cp.Size), tlog.Hash(cp.Root), int64(b.Index), tlog.RecordHash(b.Entry)); err != nil {
		t.Fatalf("tlog refuses the proof of run-%d: %v", n, err)
	}
	theirs, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nquorum none\n", vkeys[0]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Proof(ctx, fmt.Sprint("run-", n), api.Pick{})
	if err != nil {
		t.Fatal(err)
	}
	if err := torchwood.VerifyProof(theirs, tlog.RecordHash(b.Entry), text); err != nil {
		t.Fatalf("torchwood refuses the .tlog-proof of run-%d: %v", n, err)
	}
}

// checkConsistency builds a consistency proof from the served tiles and has it
// accepted by merkle and tlog.
func checkConsistency(t *testing.T, ctx context.Context, c *api.Client, old, cp checkpoint.Checkpoint) {
	t.Helper()
	if old.Size == 0 {
		return
	}
	hashes, err := proof.Consistency(ctx, c.Tile, old.Size, cp.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.VerifyConsistency(old.Size, cp.Size, old.Root, cp.Root, hashes); err != nil {
		t.Fatal(err)
	}
	merkleHashes := make([][]byte, len(hashes))
	tlogHashes := make(tlog.TreeProof, len(hashes))
	for i := range hashes {
		merkleHashes[i], tlogHashes[i] = hashes[i][:], tlog.Hash(hashes[i])
	}
	if err := merkleproof.VerifyConsistency(rfc6962.DefaultHasher, old.Size, cp.Size, merkleHashes, old.Root[:], cp.Root[:]); err != nil {
		t.Fatalf("merkle refuses consistency of %d and %d: %v", old.Size, cp.Size, err)
	}
	if err := tlog.CheckTree(tlogHashes, int64(cp.Size), tlog.Hash(cp.Root), int64(old.Size), tlog.Hash(old.Root)); err != nil {
		t.Fatalf("tlog refuses consistency of %d and %d: %v", old.Size, cp.Size, err)
	}
}

// everyEntryReadByTorchwood reads the whole log with torchwood's client.
func everyEntryReadByTorchwood(t *testing.T, ctx context.Context, s *server, size uint64) {
	t.Helper()
	fetcher, err := torchwood.NewTileFetcher(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nquorum none\n", s.VKeys()[0]))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	cp, _, err := torchwood.VerifyCheckpoint(signed, theirs)
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	for i, e := range client.AllEntries(ctx, cp.Tree, 0) {
		if uint64(i) != n || !jsontext.Value(e).IsValid() {
			t.Fatalf("entry %d reads as %d: %q", n, i, e)
		}
		n++
	}
	if err := client.Err(); err != nil {
		t.Fatal(err)
	}
	if n != size {
		t.Fatalf("torchwood read %d entries, want %d", n, size)
	}
}
