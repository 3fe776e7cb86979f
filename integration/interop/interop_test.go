// Package interop holds our receipts to another implementation of the same
// specification: Digital Bazaar's @digitalbazaar/eddsa-jcs-2022-cryptosuite,
// which runs in node. What it signs we verify, and what we sign it verifies.
//
// The packages are installed with npm ci; the versions are in
// package-lock.json. The test fails where they are not there.
package interop

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/mr-tron/base58"
)

// peerTimeout bounds one run of node, which takes about a second.
const peerTimeout = time.Minute

const (
	issuer  = "did:web:armalo.ai"
	created = "2026-05-12T10:00:00Z"
)

// task and result are what peer.js reads and writes.
type task struct {
	Task      string                    `json:"task"`
	Receipt   jsontext.Value            `json:"receipt"`
	Documents map[string]jsontext.Value `json:"documents"`
	Key       map[string]string         `json:"key,omitzero"`
	Created   string                    `json:"created,omitzero"`
}

type result struct {
	Verified bool           `json:"verified"`
	Proofs   int            `json:"proofs"`
	Error    string         `json:"error"`
	Receipt  jsontext.Value `json:"receipt"`
}

// runPeer has the other implementation do all tasks in one process.
func runPeer(t *testing.T, tasks []task) []result {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is not installed, so that interoperability is not tested: install Node.js 18 or later (Debian: nodejs and npm)")
	}
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the packages of the other implementation are not installed: run `npm ci --prefix integration/interop`, or `make test`, which does")
	}
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), peerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "peer.js")
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("node peer.js: %v\n%s", err, &stderr)
	}
	var results []result
	if err := json.Unmarshal(output, &results); err != nil || len(results) != len(tasks) {
		t.Fatalf("node peer.js wrote %d results for %d tasks (%v): %s", len(results), len(tasks), err, output)
	}
	return results
}

// signer is a key of an issuer, for both implementations.
type signer struct {
	did, method string
	key         ed25519.PrivateKey
}

func newSigner(n byte, fragment string) signer {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	if fragment == "" {
		pub := key.Public().(ed25519.PublicKey)
		return signer{did.KeyDID(pub), did.KeyMethodID(pub), key}
	}
	return signer{issuer, issuer + fragment, key}
}

func (s signer) multikey() string { return did.EncodeKey(s.key.Public().(ed25519.PublicKey)) }

// secret is the key as the peer reads it. Its secret multikey is the codec of
// Ed25519 private keys, 0x80 0x26, the seed and the public key.
func (s signer) secret() map[string]string {
	return map[string]string{
		"@context": "https://w3id.org/security/multikey/v1", "type": "Multikey", "id": s.method, "controller": s.did,
		"publicKeyMultibase": s.multikey(),
		"secretKeyMultibase": "z" + base58.Encode(append([]byte{0x80, 0x26}, s.key...)),
	}
}

// sign has our implementation sign.
func (s signer) sign(t *testing.T, credential []byte, add bool) []byte {
	t.Helper()
	at, err := time.Parse(time.RFC3339, created)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := receipt.Sign(credential, s.key, receipt.SignOptions{VerificationMethod: s.method, Created: at, Add: add})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// documentOf returns the DID document that has the keys of all signers given
// under assertionMethod, and whatever else the peer asks for by URL.
func documentOf(t *testing.T, signers ...signer) (*did.Document, map[string]jsontext.Value) {
	t.Helper()
	documents := map[string]jsontext.Value{}
	var methods []map[string]string
	var ids []string
	for _, s := range signers {
		method := s.secret()
		delete(method, "secretKeyMultibase")
		data, err := json.Marshal(method)
		if err != nil {
			t.Fatal(err)
		}
		documents[s.method] = data
		methods, ids = append(methods, method), append(ids, s.method)
	}
	data, err := json.Marshal(map[string]any{
		"@context": []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"},
		"id":       signers[0].did, "verificationMethod": methods, "assertionMethod": ids,
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := did.ParseDocument(data)
	if err != nil {
		t.Fatal(err)
	}
	documents[doc.DID()] = doc.Canonical()
	return doc, documents
}

// credentials are receipts to be signed, by what they try.
func credentials(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range []string{"minimal", "full"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "client", "receipt", "testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = data
	}
	add := func(members string) []byte {
		return bytes.Replace(out["minimal"], []byte(`"runId"`), []byte(members+`, "runId"`), 1)
	}
	out["numbers"] = add(`"n": [0, -0, 1.0, 4.50, 2e-3, 1E30, 333333333.33333329, 1e21, 1e20, 0.000001, 1e-7, 5e-324, 9007199254740992, 0.1, -1.5e-10]`)
	out["strings"] = add(`"s": "\u20ac$\u000F\nA'\u0042\u0022\u005c\\\"\/ \u007f\u0080\u2028 \ud83d\ude00 e\u0301"`)
	out["names out of order"] = add(`"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7, "": 8, "__proto_": 9`)
	out["depth"] = add(`"d": ` + strings.Repeat(`[{"b":null,"a":`, 25) + "true" + strings.Repeat("}]", 25))
	return out
}

func TestPeerVerifiesWhatWeSign(t *testing.T) {
	one, two, self := newSigner(1, "#key-1"), newSigner(2, "#key-2"), newSigner(3, "")
	_, documents := documentOf(t, one, two)
	_, selfDocuments := documentOf(t, self)
	var names []string
	var tasks []task
	ask := func(name string, data []byte, documents map[string]jsontext.Value) {
		names = append(names, name)
		tasks = append(tasks, task{Task: "verify", Receipt: data, Documents: documents})
	}
	for name, credential := range credentials(t) {
		signed := one.sign(t, credential, false)
		ask(name, signed, documents)
		ask(name+", two proofs", two.sign(t, signed, true), documents)
		ask(name+", did:key", self.sign(t, bytes.Replace(credential, []byte(issuer), []byte(self.did), 1), false), selfDocuments)
		ask("not: "+name+", changed", bytes.Replace(signed, []byte(`"org":"acme"`), []byte(`"org":"acmf"`), 1), documents)
		ask("not: "+name+", other time", bytes.Replace(signed, []byte(`"created":"2026`), []byte(`"created":"2027`), 1), documents)
	}
	for i, got := range runPeer(t, tasks) {
		proofs := 1
		if strings.HasSuffix(names[i], "two proofs") {
			proofs = 2
		}
		if want := !strings.HasPrefix(names[i], "not: "); got.Verified != want || want && got.Proofs != proofs {
			t.Errorf("%s: the peer says verified %v, %d proofs, %s", names[i], got.Verified, got.Proofs, got.Error)
		}
	}
}

func TestWeVerifyWhatPeerSigns(t *testing.T) {
	one, two, self := newSigner(1, "#key-1"), newSigner(2, "#key-2"), newSigner(3, "")
	doc, documents := documentOf(t, one, two)
	selfDoc, selfDocuments := documentOf(t, self)
	var names []string
	var tasks []task
	ours := map[string][]byte{}
	ask := func(name string, data []byte, s signer, documents map[string]jsontext.Value) {
		names = append(names, name)
		tasks = append(tasks, task{Task: "sign", Receipt: data, Documents: documents, Key: s.secret(), Created: created})
	}
	for name, credential := range credentials(t) {
		ask(name, credential, one, documents)
		ours[name] = one.sign(t, credential, false)
		ask(name+", second proof", ours[name], two, documents)
		ours[name+", second proof"] = two.sign(t, ours[name], true)
		credential = bytes.Replace(credential, []byte(issuer), []byte(self.did), 1)
		ask(name+", did:key", credential, self, selfDocuments)
		ours[name+", did:key"] = self.sign(t, credential, false)
	}
	for i, got := range runPeer(t, tasks) {
		d := doc
		if strings.HasSuffix(names[i], "did:key") {
			d = selfDoc
		}
		r, err := receipt.Parse(got.Receipt)
		if err != nil {
			t.Errorf("%s: %v\n%s", names[i], err, got.Receipt)
			continue
		}
		if _, err := r.Verify(d); err != nil {
			t.Errorf("%s: %v\n%s", names[i], err, got.Receipt)
		}
		// Ed25519 and JCS are deterministic, so both come to the same bytes.
		if !bytes.Equal(r.Canonical(), ours[names[i]]) {
			t.Errorf("%s:\nthe peer signs %s\nwe sign       %s", names[i], r.Canonical(), ours[names[i]])
		}
		changed, err := receipt.Parse(bytes.Replace(r.Canonical(), []byte(`"org":"acme"`), []byte(`"org":"acmf"`), 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := changed.Verify(d); verdict.CodeOf(err) != verdict.SignatureInvalid {
			t.Errorf("%s, changed: %v", names[i], err)
		}
	}
}
