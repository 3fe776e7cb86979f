package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	origin = "log.example/audit"
	issuer = "did:web:armalo.ai"
	acme   = "00112233445566778899aabbccddeeff"
	globex = "ffeeddccbbaa99887766554433221100"
)

var dawn = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// simlog is a log in memory, with one witness, that does what a test tells it
// to: it is honest unless it is told otherwise.
type simlog struct {
	t       testing.TB
	now     time.Time
	signers []note.Signer
	policy  *policy.Policy
	keys    map[string]ed25519.PrivateKey // by issuer

	state   *retention.State
	entries [][]byte
	parsed  []entry.Entry
	hashes  map[int64]tlog.Hash

	mu     sync.Mutex
	bodies map[uint64]api.Body // as they are answered
	erased map[uint64]uint64   // receipt to erasure, of those named by an entry
	signed []byte
	size   uint64
	down   error
	calls  map[string]int
	store  Store // of the auditor that a test has at work already
}

func newLog(t testing.TB) *simlog {
	l := &simlog{t: t, now: dawn, state: retention.New(retention.DefaultTerms), hashes: make(map[int64]tlog.Hash), keys: make(map[string]ed25519.PrivateKey),
		bodies: make(map[uint64]api.Body), erased: make(map[uint64]uint64), calls: make(map[string]int)}
	logKey, logVKey := must2(checkpoint.GenerateEd25519(origin))
	w1, v1 := must2(checkpoint.GenerateCosignatureEd25519("w1.example/w"))
	w2, v2 := must2(checkpoint.GenerateCosignatureEd25519("w2.example/w"))
	for _, key := range []string{logKey, w1, w2} {
		l.signers = append(l.signers, must(checkpoint.NewSigner(key, func() time.Time { return l.now })))
	}
	l.policy = must(policy.Parse(fmt.Appendf(nil, "log %s\nwitness w1 %s\nwitness w2 %s\ngroup any 1 w1 w2\nquorum any\n", logVKey, v1, v2)))
	l.rotate(issuer, 1)
	l.publish()
	return l
}

func keyOf(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func multikey(key ed25519.PrivateKey) string {
	return did.EncodeKey(key.Public().(ed25519.PublicKey))
}

// rotate archives a document in which key n is the issuer's one key.
func (l *simlog) rotate(name string, n byte) uint64 {
	key := keyOf(n)
	doc := must(did.ParseDocument(fmt.Appendf(nil, `{"id":%q,"verificationMethod":[{"id":%q,"type":"Multikey","controller":%q,"publicKeyMultibase":%q}],"assertionMethod":[%q]}`,
		name, name+"#key", name, multikey(key), name+"#key")))
	l.keys[name] = key
	return l.append(entry.Issuer{DID: name, Document: doc.Canonical(), At: l.now})
}

// append puts an entry in the tree, whatever it says.
func (l *simlog) append(e entry.Entry) uint64 {
	index := l.raw(e.Marshal())
	l.parsed[index] = e
	l.state.Apply(index, e, retention.Window{})
	return index
}

func (l *simlog) raw(data []byte) uint64 {
	n := int64(len(l.entries))
	hashes := must(tlog.StoredHashes(n, data, l))
	first := tlog.StoredHashIndex(0, n)
	for i, h := range hashes {
		l.hashes[first+int64(i)] = h
	}
	l.entries = append(l.entries, data)
	l.parsed = append(l.parsed, nil)
	return uint64(n)
}

// ReadHashes implements tlog.HashReader.
func (l *simlog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		h, ok := l.hashes[x]
		if !ok {
			return nil, fmt.Errorf("no hash %d", x)
		}
		hashes[i] = h
	}
	return hashes, nil
}

// publish signs what there is.
func (l *simlog) publish() { l.publishWith(l.signers...) }

func (l *simlog) publishWith(signers ...note.Signer) {
	l.size = uint64(len(l.entries))
	root := must(tlog.TreeHash(int64(l.size), l))
	cp := checkpoint.Checkpoint{Origin: origin, Size: l.size, Root: root}
	l.signed = must(note.Sign(&note.Note{Text: string(cp.Body())}, signers...))
}

// pass lets time go by, and the log publish again.
func (l *simlog) pass(p string) {
	l.now = must(period.Parse(p)).From(l.now)
	l.publish()
}

// sign makes a receipt; private ones may not be published.
func (l *simlog) sign(org, run string, private bool, edit func(string) string) *receipt.Receipt {
	decision := "allow"
	if private {
		decision = "deny"
	}
	zero := hex.EncodeToString(make([]byte, 32))
	credential := fmt.Sprintf(`{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],
		"id":"urn:run:%[1]s","type":["VerifiableCredential","BuildReceipt"],"issuer":%[2]q,"validFrom":"2026-01-01T00:00:00Z",
		"credentialSubject":{"build":{"runId":%[1]q,"org":%[3]q,"policyGates":[{"id":"receipt.publish","decision":%[4]q}],
		"risk":{"classification":"high"},"diff":{"sha256":%[5]q}}}}`, run, issuer, org, decision, zero)
	if edit != nil {
		credential = edit(credential)
	}
	return must(receipt.Parse(must(receipt.Sign([]byte(credential), l.keys[issuer], receipt.SignOptions{VerificationMethod: issuer + "#key", Created: dawn}))))
}

// log takes a receipt in, and promises what the rules say.
func (l *simlog) log(org string, r *receipt.Receipt) uint64 {
	var salt [32]byte
	binary.BigEndian.PutUint64(salt[:], uint64(len(l.entries)))
	index := l.append(entry.Receipt{
		Commitment: entry.Commit(salt, r.Canonical()), Issuer: r.Issuer(), Key: multikey(l.keys[issuer]),
		Org: org, At: l.now, Retain: l.state.Retain(org, l.now, retention.EventDate(r)),
	})
	l.bodies[index] = api.Body{Index: index, Status: http.StatusOK, Receipt: r.Canonical(), Salt: hex.EncodeToString(salt[:])}
	return index
}

// submit logs a new receipt of an organisation.
func (l *simlog) submit(org string) uint64 {
	return l.log(org, l.sign(org[:8], fmt.Sprintf("run-%d", len(l.entries)), false, nil))
}

func (l *simlog) rules(org, class, p, applies string) uint64 {
	r := entry.Rules{Org: org, Class: class, Applies: applies, Notice: period.ThirtyDays, Floor: period.SixMonths, Asked: "records", At: l.now}
	if p != "" {
		own := must(period.Parse(p))
		r.Period = &own
	}
	return l.append(r)
}

func (l *simlog) hold(org string) uint64 {
	return l.append(entry.Hold{Action: entry.HoldPlaced, Org: org, Basis: "litigation", Asked: "counsel", At: l.now})
}

func (l *simlog) lift(index uint64) uint64 {
	return l.append(entry.Hold{Action: entry.HoldLifted, Lifts: &index, Basis: "settled", Asked: "counsel", At: l.now})
}

// erase logs an erasure and, once it is published, carries it out.
func (l *simlog) erase(org, basis string, indices ...uint64) uint64 {
	e := entry.Erasure{Org: org, Basis: basis, Count: uint64(len(indices)), Asked: "sweep", At: l.now}
	if basis == entry.BasisRequest {
		e.Legal = "GDPR Article 17(1)(b)"
	}
	for _, i := range indices {
		if n := len(e.Ranges); n > 0 && e.Ranges[n-1].Last+1 == i {
			e.Ranges[n-1].Last = i
		} else {
			e.Ranges = append(e.Ranges, entry.Range{First: i, Last: i})
		}
	}
	if r := l.state.InForce(org, uint64(len(l.entries))); r != nil {
		e.Rules = &r.Index
	}
	index := l.append(e)
	l.publish()
	for _, i := range indices {
		l.erased[i] = index
		l.bodies[i] = api.Body{Index: i, Status: http.StatusGone, Code: verdict.Erased, Erasure: &index}
	}
	return index
}

// Checkpoint implements Log, as does the rest.
func (l *simlog) Checkpoint(context.Context) ([]byte, error) {
	return l.signed, l.called("checkpoint")
}

func (l *simlog) called(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[what]++
	return l.down
}

func (l *simlog) Entries(_ context.Context, n uint64, width uint16) (data []byte, err error) {
	for _, e := range l.entries[n*256 : n*256+uint64(width)] {
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(e))), e...)
	}
	return data, l.called("entries")
}

func (l *simlog) Tile(_ context.Context, level uint8, n uint64, width uint16) ([]byte, error) {
	data, err := tlog.ReadTileData(tlog.Tile{H: 8, L: int(level), N: int64(n), W: int(width)}, l)
	return data, errors.Join(err, l.called("tile"))
}

func (l *simlog) Bodies(_ context.Context, first uint64, count int, visit func(api.Body) error) error {
	if err := l.called("bodies"); err != nil {
		return err
	}
	for _, i := range slices.Sorted(maps.Keys(l.bodies)) {
		if i < first || i >= first+uint64(count) {
			continue
		}
		if err := visit(l.bodies[i]); err != nil {
			return err
		}
	}
	return nil
}

// anonymous is the log as it looks without a key.
type anonymous struct {
	*simlog
	refuse map[uint64]int
}

func (l anonymous) Bodies(ctx context.Context, first uint64, count int, visit func(api.Body) error) error {
	return l.simlog.Bodies(ctx, first, count, func(b api.Body) error {
		if b.Status == http.StatusOK {
			if r, err := receipt.Parse(b.Receipt); err == nil && !r.Publishable() {
				b = api.Body{Index: b.Index, Status: http.StatusForbidden, Code: api.CodePrivate}
			}
		}
		if status, ok := l.refuse[b.Index]; ok {
			b = api.Body{Index: b.Index, Status: status}
		}
		return visit(b)
	})
}

// memory is a Store that forgets what was not made durable, on demand.
type memory struct {
	state  []byte
	ledger file
	fail   int // the how-many-th call of Replace, WriteAt or Sync fails; 0: none
	calls  int
}

var errCrash = errors.New("crash")

func (m *memory) step() error {
	m.calls++
	if m.fail != 0 && m.calls >= m.fail {
		return errCrash
	}
	return nil
}

func (m *memory) Load() ([]byte, error) { return m.state, nil }
func (m *memory) Ledger() File          { return &m.ledger }

func (m *memory) Replace(state []byte) error {
	if err := m.step(); err != nil {
		return err
	}
	m.state = bytes.Clone(state)
	return nil
}

// file is a ledger in memory. A crash may have kept unsynced writes or not:
// keep them, which is the harder case for who trusts the state only.
type file struct {
	data []byte
	m    *memory
}

func newMemory() *memory {
	m := new(memory)
	m.ledger.m = m
	return m
}

func (f *file) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(f.data)) {
		return 0, fmt.Errorf("end: %w", io.EOF)
	}
	n := copy(p, f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, at int64) (int, error) {
	if err := f.m.step(); err != nil {
		return 0, err
	}
	if end := int(at) + len(p); end > len(f.data) {
		f.data = append(f.data, make([]byte, end-len(f.data))...)
	}
	return copy(f.data[at:], p), nil
}

func (f *file) Sync() error { return f.m.step() }

// audit runs an auditor of the log once.
func (l *simlog) audit(store Store, edit func(*Options)) *account.Account {
	l.t.Helper()
	return must(l.auditor(store, edit).Run(context.Background()))
}

func (l *simlog) auditor(store Store, edit func(*Options)) *Auditor {
	l.t.Helper()
	o := Options{Policy: l.policy, Log: l, Store: store, Now: func() time.Time { return l.now }, Workers: 3,
		Pause: func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }}
	if edit != nil {
		edit(&o)
	}
	return must(New(o))
}

// clean runs a new auditor and wants nothing found.
func (l *simlog) clean(store Store) *account.Account {
	l.t.Helper()
	acc := l.audit(store, nil)
	if acc.Outcome() != account.Clean || len(acc.Findings) > 0 {
		l.t.Fatalf("an honest log: outcome %d, incomplete %q, findings %v", acc.Outcome(), acc.Incomplete, acc.Findings)
	}
	return acc
}

// codes lists what was found, as "code@entry" where it names one.
func codes(acc *account.Account) (all []string) {
	for _, f := range acc.Findings {
		if f.Index != nil {
			all = append(all, fmt.Sprintf("%s@%d", f.Code, *f.Index))
		} else {
			all = append(all, string(f.Code))
		}
	}
	return all
}

func hashOf(r *receipt.Receipt) [sha256.Size]byte { return r.Hash() }

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
