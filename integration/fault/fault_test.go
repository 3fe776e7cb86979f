// Package fault breaks the real receiptlog on purpose: it kills it, makes its
// system calls fail, fills its disk, rots its files and restores it from old
// backups, and holds it to its promises after each.
//
// What nobody may ever see is in ledger_test.go, once, and every test uses it: a
// receipt that was acknowledged and is gone, or has two leaves, or another leaf
// than before; a bundle that does not verify offline; two checkpoints that do
// not extend one another; a checkpoint smaller than one seen before.
//
// The programs are built by TestMain from this very tree, without the race
// detector: they are run as users run them.
package fault

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rounds is how often TestKill kills the server. make soak sets it.
var rounds = flag.Int("rounds", 12, "how often to kill the server")

// thorough makes the tests try every k of what they try a sample of otherwise.
var thorough = flag.Bool("thorough", false, "inject a fault at every system call, rot every file at more places")

// programs is the folder with the programs under test.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "receiptlog-fault-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir+"/", "../../cmd/receiptlog")
	build.Env = append(os.Environ(), "GOTOOLCHAIN=auto")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs: %v\n%s", err, out)
		return 1
	}
	programs = dir
	return m.Run()
}

// dependOnSources tells go test what the programs are made of, which it cannot
// see: without, it would answer from its cache although a program has changed.
var dependOnSources = sync.OnceValue(func() error {
	for _, room := range []string{"cmd", "log", "storage", "client"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".go" {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
})

// result is how a program ended.
type result struct {
	exit int
	out  string // standard output
	err  string // standard error
}

// try runs receiptlog to its end, whatever that is.
func try(t testing.TB, args ...string) result {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "receiptlog"), args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("receiptlog %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// run runs receiptlog to its end, which must be a good one, and returns what it
// printed.
func run(t testing.TB, args ...string) string {
	t.Helper()
	r := try(t, args...)
	if r.exit != 0 {
		t.Fatalf("receiptlog %s: exit status %d\n%s%s", strings.Join(args, " "), r.exit, r.out, r.err)
	}
	return r.out
}

// copyDir copies a log that does not run, and without the socket that a killed
// one leaves.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Remove(filepath.Join(from, "receiptlog.sock")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"log-ed25519.key", "log-mldsa44.key"} {
		if err := os.Chmod(filepath.Join(to, key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
