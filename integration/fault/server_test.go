package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// server is a receiptlog on loopback with a directory of its own.
type server struct {
	t   testing.TB
	Dir string
	URL string

	process   *exec.Cmd
	ended     chan struct{}
	log       *output
	transport *http.Transport
}

// patience is how long a program may take to begin or to end. It is far more
// than it needs, since the machine may be busy.
const patience = 60 * time.Second

// newServer makes a new log in dir that accepts is, and does not start it.
func newServer(t testing.TB, dir string, is *issuer) *server {
	t.Helper()
	pin := filepath.Join(t.TempDir(), "issuer.json")
	if err := os.WriteFile(pin, is.Document(t), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "init", "--dir", dir, "--origin", "log.example/fault", "--pin", pin)
	return openServer(t, dir)
}

// openServer takes up a log that is there.
func openServer(t testing.TB, dir string) *server {
	s := &server{t: t, Dir: dir, transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	t.Cleanup(s.Kill)
	return s
}

// Start serves the log and waits until it is ready.
func (s *server) Start() {
	s.t.Helper()
	if !s.Launch() {
		s.t.Fatalf("receiptlog serve ended with status %d\n%s", s.Status(), s.log)
	}
}

// Launch serves the log, under another program if one is given, and reports
// whether it got ready, or else ended.
func (s *server) Launch(under ...string) bool {
	s.t.Helper()
	address := s.begin(under...)
	for deadline := time.Now().Add(patience); ; {
		if s.ready(address) {
			return true
		}
		select {
		case <-s.ended:
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("receiptlog serve was not ready in time\n%s", s.log)
		}
	}
}

// begin starts the program, and returns the file that will hold its address.
func (s *server) begin(under ...string) (address string) {
	s.t.Helper()
	address = filepath.Join(s.t.TempDir(), "address")
	args := append(under, filepath.Join(programs, "receiptlog"), "serve", "--dir", s.Dir,
		"--listen", "127.0.0.1:0", "--address-file", address)
	s.process = exec.Command(args[0], args[1:]...)
	s.log = new(output)
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func(p *exec.Cmd) { p.Wait(); close(ended) }(s.process)
	s.ended = ended
	return address
}

func (s *server) ready(address string) bool {
	raw, err := os.ReadFile(address)
	if errors.Is(err, fs.ErrNotExist) || len(raw) == 0 {
		return false
	}
	s.URL = "http://" + strings.TrimSpace(string(raw))
	resp, err := http.Get(s.URL + api.RouteReady)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Client returns a client that asks once, so that the test knows what happened.
func (s *server) Client() *api.Client {
	s.t.Helper()
	c, err := api.New(s.URL, api.Options{Attempts: 1, Transport: s.transport})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Stop ends the server as an operator does, and holds that it ends well.
func (s *server) Stop() {
	s.t.Helper()
	if status := s.Terminate(); status != 0 {
		s.t.Errorf("receiptlog serve ended with status %d on SIGTERM\n%s", status, s.log)
	}
}

// Terminate asks the server to end and returns its status.
func (s *server) Terminate() int {
	s.t.Helper()
	// The server would wait some seconds for a request on those never used.
	s.transport.CloseIdleConnections()
	s.process.Process.Signal(syscall.SIGTERM)
	return s.Await()
}

// Await waits until the server has ended and returns its status.
func (s *server) Await() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.process.Process.Signal(syscall.SIGQUIT)
		time.Sleep(time.Second)
		s.t.Fatalf("receiptlog serve did not end in time\n%s", s.log)
	}
	return s.Status()
}

// Status is the status the server ended with: -1 if a signal ended it.
func (s *server) Status() int { return s.process.ProcessState.ExitCode() }

// Running reports whether the server has not ended.
func (s *server) Running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Kill ends the server as a power cut does, as far as the process can tell.
func (s *server) Kill() {
	if s.process == nil {
		return
	}
	s.process.Process.Signal(syscall.SIGKILL)
	<-s.ended
	s.process = nil
}

// VKeys returns the log's verifier keys, from the policy that init wrote.
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
	return keys
}

// Fsck checks the stopped log, which must be sound.
func (s *server) Fsck() {
	s.t.Helper()
	if r := try(s.t, "fsck", "--dir", s.Dir); r.exit != 0 {
		s.t.Errorf("receiptlog fsck: exit status %d\n%s%s", r.exit, r.out, r.err)
	}
}

// output gathers what a program writes. Safe for concurrent use.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns the end of it, which is where a failure is.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	const enough = 16 << 10
	if b := o.buf.Bytes(); len(b) > enough {
		return fmt.Sprintf("(%d bytes before)\n%s", len(b)-enough, b[len(b)-enough:])
	}
	return o.buf.String()
}
