package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progressEvery keeps a bar from costing more than the work it shows.
const progressEvery = 100 * time.Millisecond

// progress shows how far long work has come, where a person is looking, and
// nothing otherwise. It is for one goroutine.
type progress struct {
	w     io.Writer // nil: nobody looks
	verb  string
	total int // 0: not known
	done  int
	last  time.Time
}

// newProgress shows a bar on w if w is a terminal.
func newProgress(w io.Writer, verb string, total int) *progress {
	p := &progress{verb: verb, total: total}
	if isTerminal(w) {
		p.w = w
	}
	return p
}

// step counts one more done.
func (p *progress) step() {
	p.done++
	if p.w == nil || (time.Since(p.last) < progressEvery && p.done != p.total) {
		return
	}
	p.last = time.Now()
	fmt.Fprint(p.w, "\r\x1b[K"+p.line())
}

func (p *progress) line() string {
	const width = 30
	if p.total == 0 {
		return fmt.Sprintf("%s %d", p.verb, p.done)
	}
	full := width * p.done / p.total
	return fmt.Sprintf("%s [%s%s] %d of %d", p.verb, strings.Repeat("=", full), strings.Repeat(" ", width-full), p.done, p.total)
}

// clear removes the bar, so that other words may be printed.
func (p *progress) clear() {
	if p.w != nil && p.done > 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// isTerminal reports whether w shows to a person.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}
