package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"net/http"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
)

func TestReceiptBundleProof(t *testing.T) {
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case RouteReceipts + "/run-1":
			answer(w, 200, MediaCredential, "receipt")
		case RouteReceipts + "/run-1?index=3":
			answer(w, 200, MediaCredential, "third")
		case RouteReceipts + "/a%2Fb/bundle":
			answer(w, 200, MediaJSON, "bundle")
		case RouteReceipts + "/run-1/bundle?format=tlog-proof&index=18446744073709551615":
			answer(w, 200, MediaProof, "proof")
		default:
			refuse(w, NewProblem(404, verdict.NotLogged, "", r.URL.RequestURI()))
		}
	})
	for want, get := range map[string]func() ([]byte, error){
		"receipt": func() ([]byte, error) { return c.Receipt(t.Context(), "run-1", Only) },
		"third":   func() ([]byte, error) { return c.Receipt(t.Context(), "run-1", At(3)) },
		"bundle":  func() ([]byte, error) { return c.Bundle(t.Context(), "a/b", Only) },
		"proof":   func() ([]byte, error) { return c.Proof(t.Context(), "run-1", At(1<<64-1)) },
	} {
		got, err := get()
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	_, err := c.Receipt(t.Context(), "other", Only)
	if p, ok := errors.AsType[*Problem](err); !ok || p.Code != verdict.NotLogged {
		t.Errorf("got %v, want not_logged", err)
	}
}

func TestSeveralReceiptsOfARun(t *testing.T) {
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, 300, MediaJSON, `{"runId":"r","receipts":[{"index":1,"receipt":{},"bundleUrl":"u"},{"index":2,"receipt":{},"bundleUrl":"v"}]}`)
	})
	_, err := c.Bundle(t.Context(), "r", Only)
	several, ok := errors.AsType[*Several](err)
	if !ok || len(several.Listing.Receipts) != 2 || several.Listing.Receipts[1].Index != 2 {
		t.Fatalf("got %v", err)
	}
}

func TestVerifyExternal(t *testing.T) {
	sum := sha256.Sum256([]byte("d"))
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		var req VerifyRequest
		if err := json.UnmarshalRead(r.Body, &req); err != nil || req.Diff.Sum() != sum || string(req.Receipt) != `{"a":1}` {
			t.Errorf("got %+v, %v", req, err)
		}
		answer(w, 200, MediaJSON, `{"verified":false,"reasons":[{"code":"signature_invalid","detail":"x"}],"checks":[]}`)
	})
	v, err := c.VerifyExternal(t.Context(), VerifyRequest{Receipt: jsontext.Value(`{"a":1}`), Diff: DiffSum(sum)})
	if err != nil || v.Verified || v.Reasons[0].Code != verdict.SignatureInvalid {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestTiles(t *testing.T) {
	hash := bytes.Repeat([]byte{7}, 32)
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/checkpoint":
			w.Write([]byte("note"))
		case "/tile/0/x001/067":
			w.Write(bytes.Repeat(hash, 256))
		case "/tile/1/000.p/3":
			w.Write(bytes.Repeat(hash, 3))
		case "/tile/1/000.p/4":
			w.Write(bytes.Repeat(hash, 3))
		case "/tile/entries/000.p/2":
			w.Write([]byte{0, 1, 'a', 0, 0})
		default:
			refuse(w, NewProblem(404, CodeNotFound, "", r.URL.Path))
		}
	})
	if got, err := c.Checkpoint(t.Context()); err != nil || string(got) != "note" {
		t.Errorf("Checkpoint = %q, %v", got, err)
	}
	if got, err := c.Tile(t.Context(), 1, 0, 3); err != nil || len(got) != 3*32 {
		t.Errorf("Tile = %d bytes, %v", len(got), err)
	}
	// A partial tile that is gone is read from the full one.
	if got, err := c.Tile(t.Context(), 0, 1067, 112); err != nil || len(got) < 112*32 {
		t.Errorf("Tile = %d bytes, %v", len(got), err)
	}
	if _, err := c.Tile(t.Context(), 1, 0, 4); err == nil {
		t.Error("a short tile was accepted")
	}
	if got, err := c.Entries(t.Context(), 0, 2); err != nil || hex.EncodeToString(got) != "0001610000" {
		t.Errorf("Entries = %x, %v", got, err)
	}
	if _, err := c.Entries(t.Context(), 9, 256); err == nil {
		t.Error("an absent entry bundle was read")
	}
}

func FuzzReplies(f *testing.F) {
	for _, seed := range []string{
		`{"type":"x","title":"t","status":422,"detail":"d","code":"malformed","path":"p"}`,
		`{"code":"a","code":"b"}`, `{"code":7}`, `{}`, `[]`, "", "{\"code\":\"\\u001b\"}",
		`{"line":1,"status":201,"index":0,"duplicate":false,"receiptHash":"ab","bundle":{"v":1}}`,
		`{"line":1,"status":400,"error":{"code":"malformed"}}`, `{"line":1,"status":400,"index":1,"error":{"code":"malformed"}}`,
		`{"line":-1}`, `{"line":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parseProblem(data); err == nil {
			if p.Code == "" || printable(p.Error()) != p.Error() {
				t.Errorf("accepted %q as %q", data, p.Error())
			}
		}
		if line, err := parseLine(data); err == nil {
			if (line.Error == nil) == (line.SubmitResult == nil) {
				t.Errorf("accepted %q", data)
			}
		}
		var req VerifyRequest
		if err := json.Unmarshal(data, &req); err == nil && req.Diff != nil {
			req.Diff.Sum()
		}
	})
}
