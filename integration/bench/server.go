package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// server is the program under measurement.
type server struct {
	programs string
	dir      string
	url      string
	process  *exec.Cmd
}

func (s *server) program(name string) string { return filepath.Join(s.programs, name) }

func (s *server) data() string { return filepath.Join(s.dir, "log") }

// start makes a log in a temporary folder and serves it with default settings.
func start(programs, issuer string) (*server, error) {
	dir, err := os.MkdirTemp("", "receiptlog-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{programs: programs, dir: dir}
	if out, err := exec.Command(s.program("receiptlog"), "init", "--dir", s.data(), "--origin", "log.example/bench", "--issuer", issuer).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("receiptlog init: %v: %s", err, out)
	}
	return s, s.serve()
}

// serve starts the server.
func (s *server) serve() error {
	address := filepath.Join(s.dir, "address")
	s.process = exec.Command(s.program("receiptlog"), "serve", "--dir", s.data(), "--listen", "127.0.0.1:0", "--address-file", address)
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return err
	}
	for range 500 {
		time.Sleep(20 * time.Millisecond)
		raw, err := os.ReadFile(address)
		if err != nil || len(raw) == 0 {
			continue
		}
		s.url = "http://" + strings.TrimSpace(string(raw))
		if resp, err := http.Get(s.url + api.RouteReady); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	s.stop()
	return fmt.Errorf("the server was not ready within 10 s")
}

// end ends the server; its log stays.
func (s *server) end() {
	s.process.Process.Signal(syscall.SIGTERM)
	s.process.Wait()
}

func (s *server) stop() {
	s.end()
	os.RemoveAll(s.dir)
}

// cpu returns the CPU time of the server so far, all threads, kernel included.
func (s *server) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The program's name stands in parentheses and may hold spaces; utime and
	// stime are the 12th and 13th fields after it, in ticks of 10 ms.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// submitEach submits every receipt in a request of its own, by many clients at
// once, and returns how long each took and the server's CPU time for all.
func (s *server) submitEach(ctx context.Context, receipts [][]byte, clients int) ([]time.Duration, time.Duration, error) {
	c, err := api.New(s.url, api.Options{Transport: &http.Transport{MaxIdleConnsPerHost: clients}})
	if err != nil {
		return nil, 0, err
	}
	before, err := s.cpu()
	if err != nil {
		return nil, 0, err
	}
	times := make([]time.Duration, len(receipts))
	next := make(chan int)
	errs := make(chan error, clients)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := range next {
				began := time.Now()
				if _, err := c.Submit(ctx, receipts[i]); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
				times[i] = time.Since(began)
			}
		})
	}
	for i := range receipts {
		next <- i
	}
	close(next)
	wg.Wait()
	select {
	case err := <-errs:
		return nil, 0, err
	default:
	}
	after, err := s.cpu()
	return times, after - before, err
}

// submitLines submits all receipts as NDJSON and returns the server's CPU time.
func (s *server) submitLines(ctx context.Context, receipts [][]byte) (time.Duration, error) {
	c, err := api.New(s.url, api.Options{})
	if err != nil {
		return 0, err
	}
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	each := func(yield func([]byte, error) bool) {
		for _, r := range receipts {
			if !yield(r, nil) {
				return
			}
		}
	}
	for line, err := range c.SubmitMany(ctx, each, false) {
		if err != nil {
			return 0, err
		}
		if line.Error != nil {
			return 0, line.Error
		}
	}
	after, err := s.cpu()
	return after - before, err
}
