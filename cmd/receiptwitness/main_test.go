package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"encoding/base64"

	"github.com/armalo/receiptlog/client/checkpoint"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"receiptwitness": main})
}

// TestScripts runs the program as its users do. Each script has a log whose key is
// $VKEY and origin $ORIGIN, and these commands besides:
//
//	await FILE             waits until there is such a file
//	cosign DIR OLD SIZE N  asks the witness that serves from DIR to cosign the log's
//	                       step from OLD to SIZE, which it must answer with N; the
//	                       answer is in cosigned.txt
//	exits N COMMAND        runs it, and it must status with N
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			l, err := newLog("log.example/a")
			if err != nil {
				return err
			}
			env.Values["log"] = l
			env.Setenv("VKEY", l.signer.Verifier().VKey())
			env.Setenv("ORIGIN", l.signer.Name())
			other, err := newLog("log.example/b")
			if err != nil {
				return err
			}
			list := fmt.Sprintf("logs/v0\n\nvkey %s\nqpd 10\n\nvkey %s\nqpd 86400\n", l.signer.Verifier().VKey(), other.signer.Verifier().VKey())
			return os.WriteFile(filepath.Join(env.WorkDir, "list.txt"), []byte(list), 0o644)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await":  await,
			"cosign": cosign,
			"exits":  exits,
		},
	})
}

// playedLog is the log of a script.
type playedLog struct {
	signer *checkpoint.Signer
	tree   *testonly.Tree
}

func newLog(origin string) (*playedLog, error) {
	skey, _, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		return nil, err
	}
	s, err := checkpoint.NewSigner(skey, nil)
	return &playedLog{s, testonly.New(rfc6962.DefaultHasher)}, err
}

func (l *playedLog) request(from, to uint64) (string, error) {
	for n := l.tree.Size(); n < to; n++ {
		l.tree.AppendData(fmt.Appendf(nil, "entry %d", n))
	}
	c := checkpoint.Checkpoint{Origin: l.signer.Name(), Size: to, Root: [32]byte(l.tree.HashAt(to))}
	line, err := l.signer.SignLine(c.Body())
	if err != nil {
		return "", err
	}
	request := fmt.Sprintf("old %d\n", from)
	if from != 0 {
		proof, err := l.tree.ConsistencyProof(from, to)
		if err != nil {
			return "", err
		}
		for _, h := range proof {
			request += base64.StdEncoding.EncodeToString(h) + "\n"
		}
	}
	return request + "\n" + string(c.Body()) + "\n" + string(line), nil
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not appear", args[0])
		}
	}
}

func cosign(ts *testscript.TestScript, _ bool, args []string) {
	from, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	to, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	request, err := ts.Value("log").(*playedLog).request(from, to)
	ts.Check(err)
	address := strings.TrimSpace(ts.ReadFile(args[0] + ".address"))
	resp, err := http.Post("http://"+address+"/add-checkpoint", "text/plain", strings.NewReader(request))
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if strconv.Itoa(resp.StatusCode) != args[3] {
		ts.Fatalf("got %d %s, want %s", resp.StatusCode, body, args[3])
	}
	ts.Check(os.WriteFile(ts.MkAbs("cosigned.txt"), body, 0o644))
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND ARGUMENT...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		status, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = status.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, want %s", code, args[0])
	}
}
