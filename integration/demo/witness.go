package main

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// quorum is how many of the witnesses have to cosign each checkpoint.
const quorum = 2

// witness is a running witness.
type witness struct {
	name, make string
	url, vkey  string
	program    *program
	helpers    []*program // what it needs to run
}

// program is a program in the background.
type program struct {
	cmd    *exec.Cmd
	said   *bytes.Buffer // to be read once it has ended
	exited chan struct{}
}

func startProgram(dir, name string, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(name, args...), said: new(bytes.Buffer), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.said, p.said
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }() // how it ends is for no one to judge
	return p, nil
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.exited
}

func (w *witness) kill() {
	for _, p := range append([]*program{w.program}, w.helpers...) {
		if p != nil {
			p.kill()
		}
	}
	w.program, w.helpers = nil, nil
}

// startWitnesses starts three witnesses and writes the policy that wants two of
// them, for the log and for those who verify.
func (s *stage) startWitnesses() error {
	raw, err := os.ReadFile(s.path("log", "policy.txt"))
	if err != nil {
		return err
	}
	var text strings.Builder
	var logKey string
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "log" {
			text.WriteString(line)
			if logKey == "" {
				logKey = f[1]
			}
		}
	}
	group := fmt.Sprintf("group witnesses %d", quorum)
	for n := 1; n <= 3; n++ {
		w := &witness{name: fmt.Sprintf("witness%d.example", n), make: "receiptwitness"}
		s.witnesses = append(s.witnesses, w)
		start := s.startOurs
		if n == 3 && s.hasForeign() {
			w.make, start = "litewitness", s.startForeign
		}
		if err := start(w, logKey); err != nil {
			return err
		}
		fmt.Fprintf(&text, "witness w%d %s %s\n", n, w.vkey, w.url)
		group += fmt.Sprintf(" w%d", n)
		say("witness %s on %s, a %s", w.name, w.url, w.make)
	}
	if s.witnesses[2].make == "receiptwitness" {
		say("all three are ours: make peers installs litewitness, a foreign one, which needs ssh-agent and sqlite3 too")
	}
	fmt.Fprintf(&text, "%s\nquorum witnesses\n", group)
	return os.WriteFile(s.path("log", "policy.txt"), []byte(text.String()), 0o644)
}

// command runs a program to its end and returns what it printed.
func (s *stage) command(env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(s.ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), args[0], err, out)
	}
	return string(out), nil
}

// startOurs makes a receiptwitness that knows the log, and starts it.
func (s *stage) startOurs(w *witness, logKey string) error {
	program, dir := filepath.Join(s.bin, "receiptwitness"), s.path(w.name)
	if _, err := s.command(nil, program, "init", "--dir", dir, "--name", w.name); err != nil {
		return err
	}
	keys, err := s.command(nil, program, "keys", "list", "--dir", dir)
	if err != nil {
		return err
	}
	w.vkey = strings.Fields(keys)[0]
	if _, err := s.command(nil, program, "add-log", "--dir", dir, "--origin", origin, logKey); err != nil {
		return err
	}
	address := s.path(w.name + ".address")
	if w.program, err = startProgram(s.dir, program, "serve", "--dir", dir, "--listen", "127.0.0.1:0", "--address-file", address); err != nil {
		return err
	}
	return s.await(w.program, func() bool {
		raw, err := os.ReadFile(address)
		w.url = "http://" + strings.TrimSpace(string(raw))
		return err == nil
	})
}

// page fetches a page of text.
func (s *stage) page(url string) (string, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return b.String(), err
}

// await waits until ok, while the program runs.
func (s *stage) await(p *program, ok func() bool) error {
	for deadline := time.Now().Add(patience); !ok(); {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended early:\n%s", filepath.Base(p.cmd.Path), p.said)
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s was not ready within %v", filepath.Base(p.cmd.Path), patience)
		}
	}
	return nil
}

// killOneWitness kills a witness for good and holds that the log goes on with the
// two that are left, and says which one is missing.
func (s *stage) killOneWitness() error {
	w := s.witnesses[1]
	s.next("A witness is killed (SIGKILL): two of three are enough")
	w.kill()
	var failed error
	for _, r := range s.receipts {
		if r.acked {
			continue
		}
		result, err := s.log.client.Submit(s.ctx, r.data)
		if err != nil {
			return err
		}
		r.acked, r.index = true, result.Index
		say("%s is gone; receipt %d was submitted and is under a cosigned checkpoint all the same", w.name, r.index)
		// The log may have had its quorum before it noticed; the next
		// checkpoint, with the next receipt, tells it.
		if err = s.missing("w2"); err == nil {
			return nil
		}
		failed = err
	}
	return errors.Join(errors.New("no receipt is left to submit"), failed)
}

// missing waits until /readyz says that the log is ready without that witness.
func (s *stage) missing(name string) error {
	var state struct {
		OK      bool `json:"ok"`
		Missing []struct {
			Witness string    `json:"witness"`
			Since   time.Time `json:"since"`
		} `json:"missing"`
	}
	for deadline := time.Now().Add(time.Second); ; time.Sleep(20 * time.Millisecond) {
		page, err := s.page(s.log.client.URL() + api.RouteReady)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(page), &state); err != nil {
			return err
		}
		if state.OK && len(state.Missing) == 1 && state.Missing[0].Witness == name {
			say("/readyz: ready; missing %s since %s", name, state.Missing[0].Since.Format(time.RFC3339))
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("/readyz says %s", page)
		}
	}
}
