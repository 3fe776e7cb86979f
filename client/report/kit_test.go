package report

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verify"
)

const (
	origin    = "log.example/report"
	issuerDID = "did:web:armalo.ai"
	methodID  = issuerDID + "#key-1"
	acme      = "00112233445566778899aabbccddeeff"
)

var dawn = time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)

// world is a log in memory, with a witness and an issuer.
type world struct {
	t          testing.TB
	issuer     ed25519.PrivateKey
	doc        *did.Document
	signers    []note.Signer
	policy     *policy.Policy
	policyFile []byte
	leaves     int64
	hashes     map[int64]tlog.Hash
	issuerAt   uint64
	issuerLeaf []byte
	pending    []*bundle.Bundle
	now        time.Time // the witness's clock
	last       checkpoint.Checkpoint
	account    *account.Account
	links      []Link
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, hashes: make(map[int64]tlog.Hash), now: dawn}
	var seed [32]byte
	copy(seed[:], "an issuer key for tests only ....")
	w.issuer = ed25519.NewKeyFromSeed(seed[:])
	key := did.EncodeKey(w.issuer.Public().(ed25519.PublicKey))
	w.doc = must(did.ParseDocument(fmt.Appendf(nil, `{"@context":["https://www.w3.org/ns/did/v1"],"id":%q,"verificationMethod":[{"id":%q,"type":"Multikey","controller":%q,"publicKeyMultibase":%q}],"assertionMethod":[%q]}`,
		issuerDID, methodID, issuerDID, key, methodID)))
	logKey, logVKey := must2(checkpoint.GenerateEd25519(origin))
	witnessKey, witnessVKey := must2(checkpoint.GenerateCosignatureEd25519("witness.example/w1"))
	for _, key := range []string{logKey, witnessKey} {
		w.signers = append(w.signers, must(checkpoint.NewSigner(key, func() time.Time { return w.now })))
	}
	w.policyFile = fmt.Appendf(nil, "log %s\nwitness w1 %s\nquorum w1\n", logVKey, witnessVKey)
	w.policy = must(policy.Parse(w.policyFile))
	w.issuerLeaf = entry.Issuer{DID: issuerDID, Document: w.doc.Canonical(), At: dawn}.Marshal()
	w.issuerAt = w.append(w.issuerLeaf)
	return w
}

func (w *world) append(e []byte) uint64 {
	n := w.leaves
	first := tlog.StoredHashIndex(0, n)
	for i, h := range must(tlog.StoredHashes(n, e, w)) {
		w.hashes[first+int64(i)] = h
	}
	w.leaves++
	return uint64(n)
}

// ReadHashes implements tlog.HashReader.
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
	var hashes [][32]byte
	for _, h := range must(tlog.ProveRecord(w.leaves, int64(index), w)) {
		hashes = append(hashes, h)
	}
	return hashes
}

// log takes in a receipt at a time of the log's clock; Seal makes its bundle.
func (w *world) log(signed []byte, at time.Time, retain string) {
	b := &bundle.Bundle{Receipt: signed, Salt: sha256.Sum256(signed)}
	b.Entry = entry.Receipt{Commitment: entry.Commit(b.Salt, b.Receipt), Issuer: issuerDID, At: at, Retain: retain,
		Key: did.EncodeKey(w.issuer.Public().(ed25519.PublicKey)), Org: acme}.Marshal()
	b.Index = w.append(b.Entry)
	w.pending = append(w.pending, b)
}

// seal returns the bundles of all receipts logged so far, under one checkpoint.
func (w *world) seal() [][]byte {
	cp := checkpoint.Checkpoint{Origin: origin, Size: uint64(w.leaves), Root: must(tlog.TreeHash(w.leaves, w))}
	signed := must(note.Sign(&note.Note{Text: string(cp.Body())}, w.signers...))
	out := make([][]byte, len(w.pending))
	for i, b := range w.pending {
		b.Checkpoint, b.Hashes = signed, w.prove(b.Index)
		b.Issuer = &bundle.IssuerEvidence{Entry: w.issuerLeaf, Index: w.issuerAt, Hashes: w.prove(w.issuerAt)}
		out[i] = b.Marshal()
	}
	return out
}

// audit keeps a checkpoint as an auditor does, with the proof that it continues
// the one kept before.
func (w *world) audit(now time.Time) {
	w.now = now
	cp := checkpoint.Checkpoint{Origin: origin, Size: uint64(w.leaves), Root: must(tlog.TreeHash(w.leaves, w))}
	signed := must(note.Sign(&note.Note{Text: string(cp.Body())}, w.signers...))
	if w.account == nil {
		w.account = &account.Account{Origin: origin, Began: now, Entries: map[string]uint64{}, Orgs: map[string]account.Tally{}, NotChecked: map[string]uint64{},
			Rules: []retention.Record{}, Erasures: []account.Erased{}, Findings: []account.Finding{},
			Issuers: []account.Issuer{{Index: w.issuerAt, DID: issuerDID, At: dawn, Keys: []string{"z6Mk"}}}}
	} else if w.last.Size < cp.Size {
		var hashes [][32]byte
		for _, h := range must(tlog.ProveTree(w.leaves, int64(w.last.Size), w)) {
			hashes = append(hashes, h)
		}
		w.links = append(w.links, NewLink(w.last.Size, cp.Size, hashes))
	}
	w.account.Checkpoints = append(w.account.Checkpoints, account.Seen{Size: cp.Size, Signed: string(signed)})
	w.account.Ended, w.last = now, cp
	w.account.Orgs[acme] = account.Tally{Receipts: uint64(len(w.pending)), Owed: uint64(len(w.pending)), Present: uint64(len(w.pending))}
}

// sign makes a receipt for a run; edit changes the credential before.
func (w *world) sign(run string, edit func(c *receipt.Credential)) []byte {
	c := complete(run)
	if edit != nil {
		edit(c)
	}
	if k := c.CredentialSubject.Build.Configuration; k != nil {
		k.SHA256 = configurationHash(k)
	}
	data := must(json.Marshal(c))
	return must(receipt.Sign(data, w.issuer, receipt.SignOptions{VerificationMethod: methodID, Created: dawn}))
}

func configurationHash(k *receipt.Configuration) string {
	content := map[string]any{}
	for name, list := range map[string][]string{"juryModels": k.JuryModels, "evalCheckSet": k.EvalCheckSet, "policyGateSet": k.PolicyGateSet} {
		if list != nil {
			content[name] = list
		}
	}
	sum := sha256.Sum256(must(jcs.Canonicalize(must(json.Marshal(content)), 1<<20)))
	return hex.EncodeToString(sum[:])
}

var dimensions = []string{"accuracy", "clarity", "completeness", "efficiency", "maintainability", "performance",
	"reliability", "safety", "security", "simplicity", "style", "test-coverage"}

// complete returns a credential that carries the evidence for every control of
// the built-in catalogue.
func complete(run string) *receipt.Credential {
	hash, commit := strings.Repeat("ab", 32), strings.Repeat("cd", 20)
	scores := map[string]float64{}
	for i, d := range dimensions {
		scores[d] = 0.7 + float64(i)/50
	}
	gates := []receipt.Gate{{ID: receipt.GateReadRepo, Decision: "allow"}, {ID: receipt.GateDispatch, Decision: "allow"},
		{ID: receipt.GateWriteBranch, Decision: "allow"}, {ID: receipt.GatePublish, Decision: "allow"},
		{ID: receipt.GatePIIDetection, Decision: "allow", Fired: new(false)}}
	return &receipt.Credential{
		Context: []string{receipt.ContextCredentials, receipt.ContextReceipt}, Type: []string{receipt.TypeCredential, receipt.TypeReceipt},
		ID: "urn:run:" + run, Issuer: issuerDID, ValidFrom: "2026-05-12T09:59:00Z",
		CredentialSubject: receipt.Subject{ID: issuerDID + ":builds:" + run, Build: receipt.Build{
			RunID: run, Org: "acme", Project: "shop", Repository: "https://git.example/acme/shop",
			Spec: &receipt.Spec{Title: "Tidy up the cart", SHA256: hash}, PlanSummary: "Make the cart add up.",
			Plan: &receipt.Plan{SHA256: hash, Rationale: "It is untidy."},
			Models: []receipt.Model{
				{Provider: "Example", Model: "builder-1", Version: "2026-04", Role: "builder", Card: "https://models.example/builder-1"},
				{Provider: "Example", Model: "juror-1", Version: "7", Role: "juror"}, {Provider: "Other", Model: "juror-2", Version: "3.1", Role: "juror"}},
			Jury:        &receipt.Jury{Verdict: "approve", Votes: []receipt.Vote{{Model: "juror-1", Verdict: "approve", Score: new(0.9)}, {Model: "juror-2", Verdict: "approve", Score: new(0.8)}}},
			Evals:       &receipt.Evals{Checks: []receipt.Eval{{ID: "unit-tests", Passed: true}, {ID: "secrets", Passed: true}}, Composite: scores},
			PolicyGates: gates,
			Configuration: &receipt.Configuration{JuryModels: []string{"juror-1", "juror-2"}, EvalCheckSet: []string{"unit-tests", "secrets"},
				PolicyGateSet: []string{receipt.GateReadRepo, receipt.GateDispatch, receipt.GateWriteBranch, receipt.GatePublish, receipt.GatePIIDetection}},
			Pact: &receipt.Pact{Name: "enterprise-coder", SHA256: hash}, Risk: &receipt.Risk{Classification: "limited"},
			Diff: receipt.Diff{SHA256: hash, Head: commit, Base: commit, PullRequest: "https://git.example/acme/shop/pull/7",
				Files: []receipt.File{{Path: "cart.go", Change: "modified"}}},
			AuditTrail: []receipt.Event{{At: "2026-05-12T09:58:00Z", Event: "run.started"}, {At: "2026-05-12T09:58:30Z", Event: "gate.decided", Gate: receipt.GateReadRepo}},
		}},
	}
}

// report examines bundles and returns the report on them.
func (w *world) report(o Options, bundles ...[]byte) *Controls {
	w.t.Helper()
	return w.reportWith(Builtin(), o, bundles...)
}

func (w *world) reportWith(c *Catalogue, o Options, bundles ...[]byte) *Controls {
	w.t.Helper()
	r, _ := w.reportNamed(c, o, bundles...)
	return r
}

func (w *world) reportNamed(c *Catalogue, o Options, bundles ...[]byte) (*Controls, *Names) {
	w.t.Helper()
	var where *Rule
	if o.Where != "" {
		where = must(ParseRule(o.Where))
	}
	x := must(NewExaminer(c, where, verify.Options{Policy: w.policy}))
	k, names := NewCollector(c, o), NewNames()
	for i, data := range bundles {
		e := x.Examine(fmt.Sprintf("%05d.json", i), data)
		k.Add(e)
		names.Add(e)
	}
	return k.Report(w.policy, w.policyFile), names
}

var usual = Options{Samples: 3, List: 100}

func clone[K comparable, V any](m map[K]V) map[K]V { return maps.Clone(m) }

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
