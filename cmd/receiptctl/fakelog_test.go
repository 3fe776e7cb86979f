package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
)

// fakeLog is a log in memory, honest in its proofs, with which the program is
// tested apart from the server. Each request publishes at once. It resolves
// did:web issuers from documents handed to it.
type fakeLog struct {
	signer *checkpoint.Signer
	vkey   string

	mu      sync.Mutex
	docs    map[string][]byte // by DID
	hashes  []tlog.Hash       // stored, as tlog counts them
	entries [][]byte
	places  map[[32]byte]uint64 // receipt hash to index
	logged  map[uint64]opened
	issuers map[string][]uint64 // DID to the indices of its documents
	swap    bool                // answers with the bundle of index 1, as a bad log might
}

type opened struct {
	r    *receipt.Receipt
	salt [32]byte
}

func newFakeLog(t testing.TB) *fakeLog {
	t.Helper()
	skey, vkey, err := checkpoint.GenerateEd25519("fake.example/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := checkpoint.NewSigner(skey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeLog{signer: signer, vkey: vkey, docs: map[string][]byte{}, places: map[[32]byte]uint64{}, logged: map[uint64]opened{}, issuers: map[string][]uint64{}}
}

func (l *fakeLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func (l *fakeLog) append(data []byte) uint64 {
	n := int64(len(l.entries))
	hashes, err := tlog.StoredHashes(n, data, l)
	if err != nil {
		panic(err)
	}
	l.hashes = append(l.hashes, hashes...)
	l.entries = append(l.entries, data)
	return uint64(n)
}

// submit logs a receipt and returns its index, and whether it was there.
func (l *fakeLog) submit(data []byte) (uint64, bool, error) {
	r, err := receipt.Parse(data)
	if err != nil {
		return 0, false, err
	}
	if at, ok := l.places[r.Hash()]; ok {
		return at, true, nil
	}
	doc, err := l.document(r.Issuer())
	if err != nil {
		return 0, false, err
	}
	signer, err := r.Verify(doc)
	if err != nil {
		return 0, false, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	l.archive(doc, now)
	salt := sha256.Sum256(r.Canonical())
	e := entry.Receipt{Commitment: entry.Commit(salt, r.Canonical()), Issuer: r.Issuer(), Key: did.EncodeKey(signer.Key),
		Org: strings.Repeat("0", 32), At: now, Retain: entry.Indefinite}
	at := l.append(e.Marshal())
	l.places[r.Hash()] = at
	l.logged[at] = opened{r, salt}
	return at, false, nil
}

// archive puts a document into the log, unless it is the last one of its issuer.
func (l *fakeLog) archive(doc *did.Document, now time.Time) {
	if did.IsKey(doc.DID()) {
		return
	}
	if all := l.issuers[doc.DID()]; len(all) > 0 {
		last, err := entry.Parse(l.entries[all[len(all)-1]])
		if err != nil {
			panic(err)
		}
		if bytes.Equal(last.(entry.Issuer).Document, doc.Canonical()) {
			return
		}
	}
	l.issuers[doc.DID()] = append(l.issuers[doc.DID()], l.append(entry.Issuer{DID: doc.DID(), Document: doc.Canonical(), At: now}.Marshal()))
}

func (l *fakeLog) document(id string) (*did.Document, error) {
	if did.IsKey(id) {
		return did.KeyDocument(id)
	}
	data, ok := l.docs[id]
	if !ok {
		return nil, verdict.Errorf(verdict.IssuerUntrusted, "issuer", "%s may not append", id)
	}
	return did.ParseDocument(data)
}

func (l *fakeLog) bundle(at uint64) *bundle.Bundle {
	size := int64(len(l.entries))
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		panic(err)
	}
	body := checkpoint.Checkpoint{Origin: l.signer.Name(), Size: uint64(size), Root: root}.Body()
	line, err := l.signer.SignLine(body)
	if err != nil {
		panic(err)
	}
	o := l.logged[at]
	b := &bundle.Bundle{Receipt: o.r.Canonical(), Entry: l.entries[at], Salt: o.salt, Index: at, Hashes: l.prove(at),
		Checkpoint: append(append(body, '\n'), line...)}
	for _, i := range l.issuers[o.r.Issuer()] {
		if i < at {
			b.Issuer = &bundle.IssuerEvidence{Entry: l.entries[i], Index: i, Hashes: l.prove(i)}
		}
	}
	return b
}

func (l *fakeLog) prove(at uint64) [][32]byte {
	p, err := tlog.ProveRecord(int64(len(l.entries)), int64(at), l)
	if err != nil {
		panic(err)
	}
	var hashes [][32]byte
	for _, h := range p {
		hashes = append(hashes, h)
	}
	return hashes
}

func (l *fakeLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch {
	case r.Method == "POST" && r.URL.Path == api.RouteReceipts && r.Header.Get("Content-Type") == api.MediaNDJSON:
		w.Header().Set("Content-Type", api.MediaNDJSON)
		lines := bufio.NewScanner(bytes.NewReader(body))
		lines.Buffer(nil, 2<<20)
		for n := 1; lines.Scan(); n++ {
			status, result, problem := l.answer(lines.Bytes(), r.Header.Get("Prefer") != "")
			send(w, api.Line{Line: n, Status: status, SubmitResult: result, Error: problem})
		}
	case r.Method == "POST" && r.URL.Path == api.RouteReceipts:
		status, result, problem := l.answer(body, r.Header.Get("Prefer") != "")
		switch {
		case problem != nil:
			refuse(w, problem)
		case status == http.StatusAccepted:
			w.WriteHeader(status)
			send(w, api.Sequenced{Index: result.Index, RunID: result.RunID, Status: api.StatusSequenced, ReceiptHash: result.ReceiptHash})
		default:
			w.WriteHeader(status)
			send(w, result)
		}
	case r.Method == "GET" && r.URL.Path == api.RouteSearch:
		l.search(w, r)
	case r.Method == "GET" && strings.HasPrefix(r.URL.Path, api.RouteReceipts+"/"):
		l.read(w, r)
	default:
		refuse(w, api.NewProblem(404, api.CodeNotFound, "", r.URL.Path))
	}
}

func (l *fakeLog) answer(data []byte, async bool) (int, *api.SubmitResult, *api.Problem) {
	at, known, err := l.submit(data)
	if err != nil {
		e, _ := err.(*verdict.Error)
		if e == nil {
			return 500, nil, api.NewProblem(500, verdict.Internal, "", err.Error())
		}
		return 422, nil, api.NewProblem(422, e.Code, e.Path, e.Detail)
	}
	r := l.logged[at].r
	sum := r.Hash()
	result := &api.SubmitResult{Index: at, Duplicate: known, RunID: r.RunID(), ReceiptHash: hex.EncodeToString(sum[:])}
	if async {
		return 202, result, nil
	}
	if l.swap {
		at = 1
	}
	result.Bundle = l.bundle(at).Marshal()
	return 201, result, nil
}

func (l *fakeLog) read(w http.ResponseWriter, r *http.Request) {
	runID, isBundle := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, api.RouteReceipts+"/"), "/bundle")
	listing := api.RunListing{RunID: runID}
	for at := range uint64(len(l.entries)) {
		o, ok := l.logged[at]
		if ok && o.r.RunID() == runID && (r.FormValue(api.QueryIndex) == "" || r.FormValue(api.QueryIndex) == fmt.Sprint(at)) {
			listing.Receipts = append(listing.Receipts, api.RunReceipt{Index: at, Receipt: o.r.Canonical(), BundleURL: fmt.Sprintf("%s?index=%d", api.BundleRoute(runID), at)})
		}
	}
	switch {
	case len(listing.Receipts) == 0:
		refuse(w, api.NewProblem(404, verdict.NotLogged, "", "no receipt of run "+runID))
	case len(listing.Receipts) > 1:
		w.WriteHeader(http.StatusMultipleChoices)
		send(w, listing)
	case !isBundle:
		w.Write(listing.Receipts[0].Receipt)
	case r.FormValue(api.QueryFormat) == api.FormatProof:
		w.Write(l.bundle(listing.Receipts[0].Index).TlogProof().Marshal())
	default:
		w.Write(l.bundle(listing.Receipts[0].Index).Marshal())
	}
}

func (l *fakeLog) search(w http.ResponseWriter, r *http.Request) {
	q, _, err := search.Parse(r.URL.Query())
	if err != nil {
		refuse(w, api.NewProblem(400, verdict.Malformed, "", err.Error()))
		return
	}
	var page api.Found
	for at := len(l.entries) - 1; at >= 0; at-- {
		o, ok := l.logged[uint64(at)]
		if !ok {
			continue
		}
		logged, err := entry.Parse(l.entries[at])
		if err != nil {
			panic(err)
		}
		if e := logged.(entry.Receipt); q.Matches(o.r, e.At) {
			hit := search.HitOf(o.r)
			hit.Index, hit.LoggedAt = uint64(at), entry.FormatTime(e.At)
			page.Receipts = append(page.Receipts, hit)
		}
	}
	send(w, page)
}

func send(w io.Writer, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Write(append(data, '\n'))
}

func refuse(w http.ResponseWriter, p *api.Problem) {
	w.Header().Set("Content-Type", api.MediaProblem)
	w.WriteHeader(p.Status)
	send(w, p)
}
