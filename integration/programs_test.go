package integration

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programs is the folder with the programs under test, built by TestMain from
// this very tree and without the race detector: they are run as users run them.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "receiptlog-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	build := exec.Command("go", "build", "-o", dir+"/", "../cmd/receiptlog", "../cmd/receiptctl", "../cmd/receiptwitness")
	build.Env = append(os.Environ(), "GOTOOLCHAIN=auto")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs: %v\n%s", err, out)
		os.Exit(1)
	}
	programs = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// run runs one of the programs to its end and returns what it printed.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(programs, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// server is a receiptlog on loopback with a data directory of its own.
type server struct {
	t       testing.TB
	Dir     string
	URL     string
	Origin  string
	scheme  string       // "" is http
	client  *http.Client // nil is the default one
	process *exec.Cmd
	exited  chan error
	log     *bytes.Buffer
}

// newServer makes a new log whose only issuers are those given, and does not
// start it.
func newServer(t testing.TB, issuers ...string) *server {
	t.Helper()
	s := &server{t: t, Dir: filepath.Join(t.TempDir(), "log"), Origin: "log.example/integration"}
	args := []string{"init", "--dir", s.Dir, "--origin", s.Origin}
	for _, did := range issuers {
		args = append(args, "--issuer", did)
	}
	run(t, "receiptlog", args...)
	t.Cleanup(s.Kill)
	return s
}

// Start serves the log and waits until it is ready. Further flags go to serve.
func (s *server) Start(flags ...string) {
	s.t.Helper()
	address := filepath.Join(s.t.TempDir(), "address")
	args := append([]string{"serve", "--dir", s.Dir, "--listen", "127.0.0.1:0", "--address-file", address}, flags...)
	s.process = exec.Command(filepath.Join(programs, "receiptlog"), args...)
	s.log = new(bytes.Buffer)
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func(p *exec.Cmd) { exited <- p.Wait() }(s.process)
	s.exited = exited
	deadline := time.Now().Add(30 * time.Second)
	for {
		if raw, err := os.ReadFile(address); err == nil && len(raw) > 0 {
			s.URL = cmp.Or(s.scheme, "http") + "://" + strings.TrimSpace(string(raw))
			if resp, err := cmp.Or(s.client, http.DefaultClient).Get(s.URL + "/readyz"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
		}
		select {
		case err := <-exited:
			s.process = nil
			s.t.Fatalf("receiptlog serve ended: %v\n%s", err, s.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("receiptlog serve was not ready in time\n%s", s.log)
		}
	}
}

// Stop ends the server as an operator does, and holds that it ends well.
func (s *server) Stop() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	s.process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("receiptlog serve ended badly on SIGTERM: %v\n%s", err, s.log)
		}
	case <-time.After(30 * time.Second):
		s.process.Process.Kill()
		s.t.Errorf("receiptlog serve did not end within 30 s of SIGTERM\n%s", s.log)
	}
	s.process = nil
}

// Kill ends the server as a power cut does, as far as the process can tell.
func (s *server) Kill() {
	if s.process == nil {
		return
	}
	s.process.Process.Kill()
	<-s.exited
	s.process = nil
}

// VKeys returns the log's verifier keys, Ed25519 first, from the policy file
// that init wrote.
func (s *server) VKeys() []string {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.Dir, "policy.txt"))
	if err != nil {
		s.t.Fatal(err)
	}
	var keys []string
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "log" {
			keys = append(keys, f[1])
		}
	}
	if len(keys) != 2 {
		s.t.Fatalf("policy.txt names %d log keys, want 2:\n%s", len(keys), raw)
	}
	return keys
}

// background returns a context that ends with the test, after a generous time.
func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
