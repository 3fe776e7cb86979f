package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/log/logtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"receiptlog": main})
}

// TestScripts runs the program as its operators do. Each script has the DID
// document of an issuer in issuer.json, and these commands besides:
//
//	exits N COMMAND    runs it, and it must exit with N
//	await FILE         waits until a server has written its address to FILE; $URL is that
//	receipt FILE RUN   writes a receipt by the issuer
//	post FILE STATUS   submits it to $URL, which must answer with that status
//	get PATH STATUS    gets a path of $URL, which must answer with that status
//	until PATH STATUS  gets a path of $URL until it answers with that status
//	idof FILE NAME     sets $NAME to the id of the API key in FILE
//	flip FILE          flips a bit in the middle of a file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			issuer := logtest.NewIssuer("did:web:issuer.example")
			env.Values["issuer"] = issuer
			return os.WriteFile(env.WorkDir+"/issuer.json", issuer.Document().Canonical(), 0o644)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"await":   await,
			"receipt": makeReceipt,
			"post":    post,
			"get":     get,
			"until":   until,
			"flip":    flip,
			"idof":    idOf,
		},
	})
}

func idOf(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[1], strings.Split(ts.ReadFile(args[0]), "_")[1])
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// startTimeout is long for a program that starts in milliseconds, since the
// machine may be busy.
const startTimeout = 30 * time.Second

func await(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if data, err := os.ReadFile(path); err == nil {
			ts.Setenv("URL", "http://"+strings.TrimSpace(string(data)))
			return
		}
	}
	ts.Fatalf("no server wrote %s", path)
}

func makeReceipt(ts *testscript.TestScript, _ bool, args []string) {
	issuer := ts.Value("issuer").(*logtest.Issuer)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), issuer.Receipt(args[1]), 0o644))
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Post(ts.Getenv("URL")+api.RouteReceipts, api.MediaCredential, strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	wantStatus(ts, resp, args[1])
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(ts.Getenv("URL") + args[0])
	ts.Check(err)
	wantStatus(ts, resp, args[1])
}

// until waits for what the log does by itself, a short while after it said so.
func until(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		resp, err := http.Get(ts.Getenv("URL") + args[0])
		ts.Check(err)
		if strconv.Itoa(resp.StatusCode) == args[1] {
			wantStatus(ts, resp, args[1])
			return
		}
		resp.Body.Close()
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s never answered %s", args[0], args[1])
}

func wantStatus(ts *testscript.TestScript, resp *http.Response, want string) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if got := strconv.Itoa(resp.StatusCode); got != want {
		ts.Fatalf("status %s, want %s: %s", got, want, body)
	}
	_, err = ts.Stdout().Write(bytes.TrimSpace(body))
	ts.Check(err)
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(path, data, 0o600))
}
