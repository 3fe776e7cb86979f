package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json/jsontext"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
)

// issuer signs receipts of about 3 KB as a did:key.
type issuer struct {
	did string
	key ed25519.PrivateKey
}

func newIssuer() (*issuer, error) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return &issuer{did: did.KeyDID(pub), key: key}, nil
}

// receipts signs n receipts whose run ids count from first.
func (is *issuer) receipts(n, first int) ([][]byte, error) {
	all := make([][]byte, n)
	for i := range all {
		signed, err := receipt.Sign(is.credential(first+i), is.key, receipt.SignOptions{
			VerificationMethod: did.KeyMethodID(is.key.Public().(ed25519.PublicKey)),
			Created:            time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC),
		})
		if err != nil {
			return nil, err
		}
		all[i] = signed
	}
	return all, nil
}

// credential is a build as an agent reports it: three jurors, four gates, six
// checks, a dozen files.
func (is *issuer) credential(n int) []byte {
	sum := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, n)))
	commit := sum[:40]
	var votes, gates, checks, files, models []string
	for _, m := range []string{"one", "two", "three"} {
		votes = append(votes, fmt.Sprintf(`{"model":"juror-%s","verdict":"approve","score":0.9,"rationale":"The change does what the plan says and nothing else; tests cover it."}`, m))
		models = append(models, fmt.Sprintf(`{"provider":"example","model":"juror-%s","version":"2026-05-01","role":"juror"}`, m))
	}
	for _, g := range []string{"github.read-repo", "llm.dispatch", "github.write-branch", "receipt.publish"} {
		gates = append(gates, fmt.Sprintf(`{"id":%q,"decision":"allow","fired":false,"reason":"within the scope of the run"}`, g))
	}
	for i := range 6 {
		checks = append(checks, fmt.Sprintf(`{"id":"check-%d","passed":true,"score":0.%d}`, i, i+4))
	}
	for i := range 12 {
		files = append(files, fmt.Sprintf(`{"path":"internal/checkout/cart_%d.go","change":"modified"}`, i))
	}
	return fmt.Appendf(nil, `{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],
"id":"urn:run:%[1]d","type":["VerifiableCredential","BuildReceipt"],"issuer":%[2]q,"validFrom":"2026-05-12T10:00:00Z",
"credentialSubject":{"id":"urn:build:%[1]d","build":{"runId":"bench-%[1]d","org":"acme","project":"shop","repository":"https://git.example/acme/shop",
"spec":{"title":"Round prices half to even","sha256":%[3]q},"planSummary":"Round prices half to even at checkout","plan":{"sha256":%[3]q,"rationale":"The ledger rounds half to even; checkout did not."},
"models":[%[5]s],"jury":{"verdict":"approve","votes":[%[6]s]},"evals":{"checks":[%[7]s]},"policyGates":[%[8]s],
"diff":{"sha256":%[3]q,"base":%[4]q,"head":%[4]q,"files":[%[9]s]},
"auditTrail":[{"at":"2026-05-12T09:58:00Z","event":"run.started"},{"at":"2026-05-12T09:59:30Z","event":"jury.voted","detail":"3 of 3 approve"}]}}}`,
		n, is.did, sum, commit, strings.Join(models, ","), strings.Join(votes, ","), strings.Join(checks, ","), strings.Join(gates, ","), strings.Join(files, ","))
}

// floor returns the bare CPU time that one receipt takes: RFC 8785, SHA-256 and
// one Ed25519 verification. It is taken with every core at work, as the server's
// is: cores that share a clock or their parts are slower together.
func (is *issuer) floor(receipts [][]byte) time.Duration {
	pub := is.key.Public().(ed25519.PublicKey)
	message := make([]byte, 64)
	signature := ed25519.Sign(is.key, message)
	before := cpuOf(syscall.RUSAGE_SELF)
	var cores sync.WaitGroup
	for share := range slices.Chunk(receipts, (len(receipts)+runtime.NumCPU()-1)/runtime.NumCPU()) {
		cores.Go(func() {
			for _, r := range share {
				canonical := jsontext.Value(r).Clone()
				if err := canonical.Canonicalize(); err != nil {
					panic(err)
				}
				sum := sha256.Sum256(canonical)
				if !ed25519.Verify(pub, message, signature) || sum == [32]byte{} {
					panic("the floor does not hold")
				}
			}
		})
	}
	cores.Wait()
	return (cpuOf(syscall.RUSAGE_SELF) - before) / time.Duration(len(receipts))
}

// cpuOf returns the CPU time used so far, user and kernel.
func cpuOf(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
