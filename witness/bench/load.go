package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// steps is how many checkpoints a log has prepared: more than it gets through.
const steps = 6000

// preparedLog is a log whose requests are made already.
type preparedLog struct {
	origin, vkey string
	requests     [][]byte // HTTP requests, one for each step
}

// hashes keeps the hashes of a tree as it grows.
type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = (*h)[index]
	}
	return out, nil
}

// prepare makes that many requests of one log, each a few entries after the last.
func prepare(origin string, count int) (*preparedLog, error) {
	skey, vkey, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		return nil, err
	}
	signer, err := checkpoint.NewSigner(skey, nil)
	if err != nil {
		return nil, err
	}
	l := &preparedLog{origin: origin, vkey: vkey}
	tree := new(hashes)
	size, last := int64(0), int64(0)
	for n := range count {
		for range 1 + n%3 {
			young, err := tlog.StoredHashes(size, fmt.Appendf(nil, "%d", size), tree)
			if err != nil {
				return nil, err
			}
			*tree = append(*tree, young...)
			size++
		}
		body, err := request(origin, signer, tree, last, size)
		if err != nil {
			return nil, err
		}
		l.requests = append(l.requests, fmt.Appendf(nil, "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		last = size
	}
	return l, nil
}

func request(origin string, signer *checkpoint.Signer, tree *hashes, last, size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, tree)
	if err != nil {
		return nil, err
	}
	c := checkpoint.Checkpoint{Origin: origin, Size: uint64(size), Root: root}
	line, err := signer.SignLine(c.Body())
	if err != nil {
		return nil, err
	}
	body := fmt.Appendf(nil, "old %d\n", last)
	if last > 0 {
		proof, err := tlog.ProveTree(size, last, tree)
		if err != nil {
			return nil, err
		}
		for _, h := range proof {
			body = fmt.Appendf(body, "%s\n", h)
		}
	}
	return fmt.Appendf(body, "\n%s\n%s", c.Body(), line), nil
}

// ask sends one request on a connection and expects to be cosigned.
func ask(conn net.Conn, in *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %d %s", resp.StatusCode, body)
	}
	return nil
}

// measure starts a witness, lets all logs ask at once, and returns the answers a
// second.
func measure(dir string, start func(string, map[string]string) (*program, error)) (rate float64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	all, err := prepared()
	if err != nil {
		return 0, err
	}
	origins := make(map[string]string)
	for _, l := range all {
		origins[l.origin] = l.vkey
	}
	p, err := start(dir, origins)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	var answers atomic.Int64
	var failed atomic.Pointer[error]
	began := time.Now()
	deadline := began.Add(*length)
	var wg sync.WaitGroup
	for _, l := range all {
		wg.Go(func() {
			if err := l.run(p.address, deadline, &answers); err != nil {
				failed.Store(&err)
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if e := failed.Load(); e != nil {
		return 0, *e
	}
	return float64(answers.Load()) / took.Seconds(), nil
}

func (l *preparedLog) run(address string, deadline time.Time, answers *atomic.Int64) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i, request := range l.requests {
		if time.Now().After(deadline) {
			return nil
		}
		if err := ask(conn, in, request); err != nil {
			return fmt.Errorf("step %d of %s: %w", i, l.origin, err)
		}
		answers.Add(1)
	}
	return fmt.Errorf("%s ran out of requests: prepare more", l.origin)
}

// prepared returns the logs of every measurement; they are made once.
var prepared = sync.OnceValues(func() ([]*preparedLog, error) {
	all := make([]*preparedLog, *logs)
	errs := make([]error, *logs)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i], errs[i] = prepare(fmt.Sprintf("log.example/%d", i), steps) })
	}
	wg.Wait()
	return all, errors.Join(errs...)
})
