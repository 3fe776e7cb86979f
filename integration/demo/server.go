package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// patience is how long the server may take to be ready or to stop.
const patience = 30 * time.Second

// server is a running receiptlog.
type server struct {
	dir     string // its folder
	address string // host and port
	client  *api.Client
	process *exec.Cmd
	exited  chan error
	said    *bytes.Buffer
}

// serve starts the log on the address, where port 0 picks a free one, and
// waits until it is ready.
func (s *stage) serve(address string) error {
	l := &server{dir: s.path("log"), exited: make(chan error, 1), said: new(bytes.Buffer)}
	file := s.path("address")
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l.process = exec.Command(filepath.Join(s.bin, "receiptlog"), "serve", "--dir", l.dir,
		"--listen", address, "--address-file", file, "--policy", filepath.Join(l.dir, "policy.txt"))
	l.process.Stdout, l.process.Stderr = l.said, l.said
	if err := l.process.Start(); err != nil {
		return fmt.Errorf("start receiptlog: %w", err)
	}
	go func() { l.exited <- l.process.Wait() }()
	s.log = l
	for deadline := time.Now().Add(patience); ; {
		if raw, err := os.ReadFile(file); err == nil && l.ready(s.ctx, strings.TrimSpace(string(raw))) {
			return nil
		}
		select {
		case <-l.exited:
			l.process = nil
			return fmt.Errorf("receiptlog ended before it was ready:\n%s", l.said)
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("receiptlog was not ready within %v:\n%s", patience, l.said)
		}
	}
}

// ready reports whether the log at address serves a fresh checkpoint.
func (l *server) ready(ctx context.Context, address string) bool {
	if address == "" {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+api.RouteReady, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false
	}
	l.address = address
	l.client, err = api.New("http://"+address, api.Options{Attempts: 1, UserAgent: "receiptlog-demo"})
	return err == nil
}

// kill ends the server as a power cut would, as far as a process can tell.
func (l *server) kill() {
	if l.process == nil {
		return
	}
	l.process.Process.Kill() // SIGKILL
	<-l.exited
	l.process = nil
}

// stop asks the server to end, and holds that it ends well.
func (l *server) stop() error {
	if err := l.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-l.exited:
		l.process = nil
		if err != nil {
			return fmt.Errorf("receiptlog ended badly on SIGTERM: %w\n%s", err, l.said)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("receiptlog did not end within %v of SIGTERM", patience)
	}
}
