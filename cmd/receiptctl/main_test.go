package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/armalo/receiptlog/client/did"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"receiptctl": main})
}

// TestScripts runs the program as its users do. Each script has a fake log at
// $LOG, whose policy is policy.txt (foreign.txt is another log's), nothing at
// $DEAD, and these commands besides:
//
//	pin FILE          the log pins a DID document
//	swap              from now on the log answers with the wrong bundle
//	exits N COMMAND   runs it, and it must status with N
//	damage FILE       flips a bit in every hundredth byte
//	flip FILE TEXT A  replaces the first TEXT in FILE by A
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			log := newFakeLog(t)
			server := httptest.NewServer(log)
			env.Defer(server.Close)
			env.Values["log"] = log
			env.Setenv("LOG", server.URL)
			env.Setenv("DEAD", deadURL())
			for _, v := range []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
				"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
				"GIT_AUTHOR_DATE=2026-05-12T10:00:00Z", "GIT_COMMITTER_DATE=2026-05-12T10:00:00Z"} {
				env.Vars = append(env.Vars, v)
			}
			return errors.Join(
				os.WriteFile(filepath.Join(env.WorkDir, "policy.txt"), []byte("log "+log.vkey+"\nquorum none\n"), 0o644),
				os.WriteFile(filepath.Join(env.WorkDir, "foreign.txt"), []byte("log "+newFakeLog(t).vkey+"\nquorum none\n"), 0o644))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"pin":    pin,
			"swap":   swap,
			"flip":   flip,
			"damage": damage,
			"exits":  exits,
		},
	})
}

// deadURL is an address at which nothing listens.
func deadURL() string {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	return server.URL
}

func pin(ts *testscript.TestScript, _ bool, args []string) {
	log := ts.Value("log").(*fakeLog)
	for _, name := range args {
		data := []byte(ts.ReadFile(name))
		doc, err := did.ParseDocument(data)
		ts.Check(err)
		log.mu.Lock()
		log.docs[doc.DID()] = data
		log.mu.Unlock()
	}
}

func swap(ts *testscript.TestScript, _ bool, _ []string) {
	log := ts.Value("log").(*fakeLog)
	log.mu.Lock()
	defer log.mu.Unlock()
	log.swap = true
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	if !bytes.Contains(data, []byte(args[1])) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(name, bytes.Replace(data, []byte(args[1]), []byte(args[2]), 1), 0o644))
}

func damage(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	for i := 50; i < len(data); i += 100 {
		data[i] ^= 1
	}
	ts.Check(os.WriteFile(name, data, 0o644))
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		status, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = status.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s exited with %d, want %s", args[1], got, args[0])
	}
}
