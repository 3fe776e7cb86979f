package witness

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// seeds adds a request and many one-byte manglings of it.
func seeds(f *testing.F, request []byte) {
	f.Add(request)
	f.Add([]byte(nil))
	for i := 0; i < len(request); i += 1 + len(request)/64 {
		bad := append([]byte(nil), request...)
		bad[i] ^= 0x20
		f.Add(bad)
		f.Add(append(append([]byte(nil), request[:i]...), request[i+1:]...))
	}
}

// lines renders hashes as request lines.
func proofLines(hashes [][32]byte) string {
	var b strings.Builder
	for _, h := range hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	return b.String()
}

// FuzzParseAddRequest: what is accepted has one spelling, and what is refused is
// refused as malformed.
func FuzzParseAddRequest(f *testing.F) {
	seeds(f, newLog(f, "log.example/a").request(0, 3))
	seeds(f, newLog(f, "log.example/a").request(5, 13))
	seeds(f, newLog(f, "log.example/a").extended("one", "\u2014 two").request(5, 13))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseAddRequest(body)
		if err != nil {
			onlyMalformed(t, err)
			return
		}
		again := fmt.Sprintf("old %d\n%s\n%s", r.OldSize, proofLines(r.Proof), r.Note.Marshal())
		if again != string(body) {
			t.Errorf("accepted %q, which is spelled %q", body, again)
		}
		extensions, ok := strings.CutPrefix(string(r.Note.Text), string(r.Checkpoint.Body()))
		if !ok || strings.Contains("\n"+extensions, "\n\n") {
			t.Errorf("accepted checkpoint %q, which is spelled %q", r.Note.Text, r.Checkpoint.Body())
		}
	})
}

func FuzzParseSubtreeRequest(f *testing.F) {
	l := newLog(f, "log.example/a").grow(14)
	seeds(f, subtreeRequest(f, storedLeaves(f, l, 14), 8, 13, 14, l.signed(14)))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseSubtreeRequest(body)
		if err != nil {
			onlyMalformed(t, err)
			return
		}
		again := fmt.Sprintf("subtree %d %d\n%s%s\n%s", r.Start, r.End, proofLines([][32]byte{r.Hash}), proofLines(r.Proof), r.Note.Marshal())
		if again != string(body) {
			t.Errorf("accepted %q, which is spelled %q", body, again)
		}
		if r.Start >= r.End || r.End > r.Checkpoint.Size {
			t.Errorf("accepted the subtree [%d, %d) of %d", r.Start, r.End, r.Checkpoint.Size)
		}
	})
}

func onlyMalformed(t *testing.T, err error) {
	t.Helper()
	if no, ok := errors.AsType[*RefusedError](err); !ok || no.Reason != Malformed {
		t.Errorf("refused with %v", err)
	}
}

func FuzzParseLogList(f *testing.F) {
	l, m := newLog(f, "log.example/a"), newLog(f, "log.example/b")
	seeds(f, []byte("# list\nlogs/v0\n\nvkey "+l.vkey+"\norigin o\nqpd 5\ncontact c\n\nvkey "+m.vkey+"\nbastion none\n"))
	f.Add([]byte("logs/v0\nvkey rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		logs, err := ParseLogList(data)
		if err != nil {
			if !strings.Contains(err.Error(), "line ") && len(data) <= MaxLogListBytes {
				t.Errorf("error names no line: %v", err)
			}
			return
		}
		origins := make(map[string]bool)
		for _, l := range logs {
			if origins[l.Origin] {
				t.Errorf("origin %q twice", l.Origin)
			}
			origins[l.Origin] = true
			if err := checkLog(&l); err != nil || l.Origin == "" {
				t.Errorf("accepted log %+v: %v", l, err)
			}
		}
	})
}
