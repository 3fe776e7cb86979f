package verify

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
)

const (
	origin    = "log.example/verify"
	issuerDID = "did:web:armalo.ai"
	methodID  = issuerDID + "#key-1"
)

var (
	now  = time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)
	diff = []byte("diff --git a/x b/x\n")
)

// world is a log with its keys, a witness, an issuer and a tree in memory.
type world struct {
	t       testing.TB
	issuer  ed25519.PrivateKey
	doc     *did.Document
	signers []note.Signer
	policy  *policy.Policy
	leaves  [][]byte
	hashes  map[int64]tlog.Hash
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, hashes: make(map[int64]tlog.Hash)}
	var seed [32]byte
	copy(seed[:], "an issuer key for tests only ....")
	w.issuer = ed25519.NewKeyFromSeed(seed[:])
	w.doc = w.document(w.issuer.Public().(ed25519.PublicKey))
	logKey, logVKey := must2(checkpoint.GenerateEd25519(origin))
	pqKey, pqVKey := must2(checkpoint.GenerateMLDSA44(origin))
	witnessKey, witnessVKey := must2(checkpoint.GenerateCosignatureEd25519("witness.example/w1"))
	for _, key := range []string{logKey, pqKey, witnessKey} {
		w.signers = append(w.signers, must(checkpoint.NewSigner(key, func() time.Time { return now })))
	}
	w.policy = must(policy.Parse(fmt.Appendf(nil, "log %s\nlog %s\nwitness w1 %s\nquorum w1\n", logVKey, pqVKey, witnessVKey)))
	return w
}

func (w *world) document(pub ed25519.PublicKey) *did.Document {
	return must(did.ParseDocument(fmt.Appendf(nil, `{"@context":["https://www.w3.org/ns/did/v1"],"id":%q,"verificationMethod":[{"id":%q,"type":"Multikey","controller":%q,"publicKeyMultibase":%q}],"assertionMethod":[%q]}`,
		issuerDID, methodID, issuerDID, did.EncodeKey(pub), methodID)))
}

// append puts an entry in the tree and returns its index.
func (w *world) append(e []byte) uint64 {
	n := int64(len(w.leaves))
	hashes := must(tlog.StoredHashes(n, e, w))
	first := tlog.StoredHashIndex(0, n)
	for i, h := range hashes {
		w.hashes[first+int64(i)] = h
	}
	w.leaves = append(w.leaves, e)
	return uint64(n)
}

// ReadHashes implements tlog.HashReader: an independent prover for our verifier.
func (w *world) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		h, ok := w.hashes[x]
		if !ok {
			return nil, fmt.Errorf("no hash %d", x)
		}
		hashes[i] = h
	}
	return hashes, nil
}

func (w *world) prove(index uint64) [][32]byte {
	p := must(tlog.ProveRecord(int64(len(w.leaves)), int64(index), w))
	hashes := make([][32]byte, len(p))
	for i, h := range p {
		hashes[i] = h
	}
	return hashes
}

func (w *world) checkpoint(signers ...note.Signer) []byte {
	root := must(tlog.TreeHash(int64(len(w.leaves)), w))
	cp := checkpoint.Checkpoint{Origin: origin, Size: uint64(len(w.leaves)), Root: root}
	return must(note.Sign(&note.Note{Text: string(cp.Body())}, signers...))
}

// sign makes a receipt; edit changes the credential before it is signed.
func (w *world) sign(issuer, method string, edit func(string) string) []byte {
	sum := sha256.Sum256(diff)
	zero := hex.EncodeToString(make([]byte, 32))
	commit := hex.EncodeToString(make([]byte, 20))
	credential := fmt.Sprintf(`{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],
		"id":"urn:run:1","type":["VerifiableCredential","BuildReceipt"],"issuer":%q,"validFrom":"2026-05-12T10:00:00Z",
		"credentialSubject":{"id":"urn:build:1","build":{"runId":"run-1","org":"acme","project":"shop","repository":"https://git.example/acme/shop",
		"planSummary":"tidy","spec":{"title":"tidy","sha256":%[2]q},"plan":{"sha256":%[2]q,"rationale":"untidy"},
		"models":[{"provider":"example","model":"m","version":"1","role":"builder"}],
		"jury":{"verdict":"approve","votes":[{"model":"m","verdict":"approve","score":1,"rationale":"fine"}]},
		"policyGates":[{"id":"receipt.publish","decision":"allow","fired":false}],
		"diff":{"sha256":%[3]q,"url":"https://git.example/acme/shop/commit/%[4]s","base":%[4]q,"head":%[4]q,"files":[{"path":"a","change":"modified"}]}}}}`,
		issuer, zero, hex.EncodeToString(sum[:]), commit)
	if edit != nil {
		credential = edit(credential)
	}
	return must(receipt.Sign([]byte(credential), w.issuer, receipt.SignOptions{VerificationMethod: method, Created: now}))
}

// bundle logs a receipt after its issuer's document, among other entries.
func (w *world) bundle(signed []byte) *bundle.Bundle {
	r := must(receipt.Parse(signed))
	b := &bundle.Bundle{Receipt: r.Canonical(), Salt: [32]byte{1, 2, 3}}
	w.append([]byte(`{"kind":"other"}`))
	if !did.IsKey(r.Issuer()) {
		e := entry.Issuer{DID: r.Issuer(), Document: w.doc.Canonical(), At: now}.Marshal()
		b.Issuer = &bundle.IssuerEvidence{Entry: e, Index: w.append(e)}
	}
	w.append([]byte(`{"kind":"another"}`))
	b.Entry = entry.Receipt{
		Commitment: entry.Commit(b.Salt, b.Receipt), Issuer: r.Issuer(), Key: did.EncodeKey(w.issuer.Public().(ed25519.PublicKey)),
		Org: "00112233445566778899aabbccddeeff", At: now, Retain: entry.Indefinite,
	}.Marshal()
	b.Index = w.append(b.Entry)
	w.append([]byte(`{"kind":"last"}`))
	w.seal(b)
	return b
}

// seal gives a bundle the proofs and the checkpoint of the tree as it stands.
func (w *world) seal(b *bundle.Bundle) {
	b.Hashes = w.prove(b.Index)
	if b.Issuer != nil {
		b.Issuer.Hashes = w.prove(b.Issuer.Index)
	}
	b.Checkpoint = w.checkpoint(w.signers...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}
