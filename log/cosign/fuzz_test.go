package cosign

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// FuzzReply: whatever a witness answers, with whatever status and type, only lines
// by its keys that verify are kept.
func FuzzReply(f *testing.F) {
	skey, _, err := checkpoint.GenerateCosignatureEd25519("w.example")
	if err != nil {
		f.Fatal(err)
	}
	s, err := checkpoint.NewSigner(skey, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	cp := checkpoint.Checkpoint{Origin: origin, Size: 7, Root: [32]byte{7}}
	line, err := s.SignLine(cp.Body())
	if err != nil {
		f.Fatal(err)
	}
	p := &peer{c: &Cosigner{o: withDefaults(Options{})}, names: []string{"w"}, keys: []*checkpoint.Verifier{s.Verifier()}}
	f.Add(200, "text/plain", line)
	f.Add(200, "text/plain", bytes.Repeat(line, 3))
	f.Add(409, "text/x.tlog.size", []byte("7\n"))
	f.Add(409, "text/x.tlog.size; charset=utf-8", []byte("18446744073709551616\n"))
	f.Add(409, "text/plain", []byte("no"))
	f.Add(422, "", []byte{0xff, 0})
	for i := range line {
		bad := bytes.Clone(line)
		bad[i] ^= 1
		f.Add(200, "", bad)
	}
	f.Fuzz(func(t *testing.T, status int, kind string, reply []byte) {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(reply))}
		if known, err := judge(resp, reply); (known != 0) && err != errConflict {
			t.Errorf("it knows %d, and yet: %v", known, err)
		} else if (err == nil) != (status == http.StatusOK) {
			t.Errorf("status %d: %v", status, err)
		}
		lines, names, err := p.verify(&round{cp: cp}, reply)
		if err != nil {
			if lines != nil || names != nil {
				t.Errorf("kept %q of an answer that was refused: %v", lines, err)
			}
			return
		}
		sigs, err := checkpoint.ParseSignatures(lines)
		if err != nil || len(sigs) != 1 || !s.Verifier().Verify(cp.Body(), sigs[0].Value) {
			t.Errorf("kept %q", lines)
		}
	})
}
