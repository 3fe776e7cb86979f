package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stage is the temporary folder, what runs in it, and what has come of it.
type stage struct {
	ctx   context.Context
	bin   string // folder of the programs
	repo  string // git repository to issue receipts of
	dir   string // temporary folder
	began time.Time
	act   int

	log       *server
	witnesses []*witness
	receipts  []*item
	size      uint64 // leaves of the final tree
	signed    []byte // the final checkpoint
}

// item is one receipt of the demo.
type item struct {
	name   string // file name without suffix
	data   []byte
	commit string // "" for one made from the example
	acked  bool   // acknowledged before the server was killed
	index  uint64 // where acked
}

// runID names the run that the receipt is of.
func (r *item) runID() string { return "demo-" + r.name }

func (s *stage) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

// next begins an act.
func (s *stage) next(format string, args ...any) {
	s.act++
	fmt.Printf("\n%d. %s\n", s.act, fmt.Sprintf(format, args...))
}

// say prints a line of an act.
func say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

// show prints what a program printed, indented, and its long lines cut.
func show(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if runes := []rune(line); len(runes) > 110 {
			line = string(runes[:107]) + "..."
		}
		fmt.Println("   | " + line)
	}
}

// ctl runs receiptctl in the temporary folder and returns its exit status and
// what it printed.
func (s *stage) ctl(stdin []byte, args ...string) (int, string, error) {
	cmd := exec.CommandContext(s.ctx, filepath.Join(s.bin, "receiptctl"), args...)
	cmd.Dir = s.dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it tidies up after itself
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	if s.ctx.Err() != nil {
		return 0, "", context.Cause(s.ctx)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out), nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("run receiptctl: %w", err)
	}
	return 0, string(out), nil
}

// must runs receiptctl, which has to succeed.
func (s *stage) must(args ...string) (string, error) {
	exit, out, err := s.ctl(nil, args...)
	if err != nil {
		return "", err
	}
	if exit != 0 {
		return "", fmt.Errorf("receiptctl %s: exit status %d\n%s", strings.Join(args, " "), exit, out)
	}
	return out, nil
}

func (s *stage) open() {
	fmt.Println("receiptlog demo: real programs, on this machine only, no network")
	fmt.Printf("folder %s\n", s.dir)
}

// clear stops what runs and removes the folder.
func (s *stage) clear(keep bool) error {
	if s.log != nil {
		s.log.kill()
	}
	for _, w := range s.witnesses {
		w.kill()
	}
	if keep {
		fmt.Printf("\nkept: %s\n", s.dir)
		return nil
	}
	return os.RemoveAll(s.dir)
}

func (s *stage) close() {
	fmt.Printf("\nAll of it held, in %.1f seconds.\n", time.Since(s.began).Seconds())
}
