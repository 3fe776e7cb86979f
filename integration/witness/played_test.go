package witness

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// playedLog is a log that says whatever a test wants.
type playedLog struct {
	t      testing.TB
	origin string
	vkey   string
	signer *checkpoint.Signer
	tree   *testonly.Tree
	prefix string // of every leaf
}

func newLog(t testing.TB, origin string) *playedLog {
	skey, vkey, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.NewSigner(skey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &playedLog{t, origin, vkey, s, testonly.New(rfc6962.DefaultHasher), "one"}
}

// fork returns a log of the same name and key with another tree.
func (l *playedLog) fork() *playedLog {
	other := *l
	other.tree, other.prefix = testonly.New(rfc6962.DefaultHasher), "other"
	return &other
}

func (l *playedLog) signed(size uint64) string {
	for n := l.tree.Size(); n < size; n++ {
		l.tree.AppendData(fmt.Appendf(nil, "%s %d", l.prefix, n))
	}
	c := checkpoint.Checkpoint{Origin: l.origin, Size: size, Root: [32]byte(l.tree.HashAt(size))}
	line, err := l.signer.SignLine(c.Body())
	if err != nil {
		l.t.Fatal(err)
	}
	return string(c.Body()) + "\n" + string(line)
}

func (l *playedLog) request(from, to uint64) string {
	signed := l.signed(to)
	request := fmt.Sprintf("old %d\n", from)
	if from != 0 {
		proof, err := l.tree.ConsistencyProof(from, to)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, h := range proof {
			request += base64.StdEncoding.EncodeToString(h) + "\n"
		}
	}
	return request + "\n" + signed
}

// post sends an add-checkpoint request. Status 0 means that nothing came back.
func post(client *http.Client, url, request string) (status int, body string) {
	resp, err := client.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(request))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(data)
}
