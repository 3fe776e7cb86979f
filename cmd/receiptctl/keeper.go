package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verify"
)

// keeper follows a submission: it hands out the receipts, remembers what was
// sent until it is answered, and keeps the bundles that come back.
type keeper struct {
	cmd     *cobra.Command
	flags   submitFlags
	options verify.Options

	mu   sync.Mutex // sent is filled by the client's goroutine
	sent map[int]sent

	logged, known, refused int
}

// sent is a receipt on its way.
type sent struct {
	source string // file name, or "" for a line of standard input
	runID  string // "" if it is no receipt
	hash   string
}

func (k *keeper) prepare() error {
	k.sent = make(map[int]sent)
	if k.flags.dir == "" {
		return nil
	}
	if err := os.MkdirAll(k.flags.dir, 0o755); err != nil {
		return failing(exitUsage, err, "")
	}
	return nil
}

// remember notes the n-th receipt sent, counting from 1.
func (k *keeper) remember(n int, source string, data []byte) {
	s := sent{source: source}
	if r, err := receipt.Parse(data); err == nil {
		sum := r.Hash()
		s.runID, s.hash = r.RunID(), hex.EncodeToString(sum[:])
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sent[n] = s
}

func (k *keeper) recall(n int) sent {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sent[n]
	delete(k.sent, n)
	return s
}

func (k *keeper) fromFiles(names []string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		n := 0
		for _, name := range names {
			data, err := readInput(k.cmd.InOrStdin(), name, maxReceiptLine)
			if err != nil {
				yield(nil, err)
				return
			}
			if isBundle(data) {
				// *.json takes in the bundles of last time.
				fmt.Fprintf(k.cmd.ErrOrStderr(), "receiptctl: %s is a bundle already: skipped\n", name)
				continue
			}
			n++
			k.remember(n, name, data)
			if !yield(data, nil) {
				return
			}
		}
	}
}

func (k *keeper) fromLines(in io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxReceiptLine)
		for n := 1; lines.Scan(); {
			data := bytes.TrimSpace(lines.Bytes())
			if len(data) == 0 {
				continue
			}
			k.remember(n, "", data)
			if !yield(data, nil) {
				return
			}
			n++
		}
		if err := lines.Err(); err != nil {
			yield(nil, failing(exitUsage, fmt.Errorf("standard input: %w", err), "expected is one receipt a line"))
		}
	}
}

// single submits one receipt on its own, and answers as for one of many.
func (k *keeper) single(client *api.Client, receipts iter.Seq2[[]byte, error]) iter.Seq2[*api.Line, error] {
	return func(yield func(*api.Line, error) bool) {
		for data, err := range receipts {
			if err != nil {
				yield(nil, err)
				return
			}
			line := &api.Line{Line: 1}
			line.SubmitResult, err = k.post(client, data)
			if p, ok := errors.AsType[*api.Problem](err); ok && p.Status < 500 && p.Status != 429 {
				line.Error, line.Status, err = p, p.Status, nil
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

func (k *keeper) post(client *api.Client, data []byte) (*api.SubmitResult, error) {
	if !k.flags.async {
		return client.Submit(k.cmd.Context(), data)
	}
	s, err := client.SubmitAsync(k.cmd.Context(), data)
	if err != nil {
		return nil, err
	}
	return &api.SubmitResult{Index: s.Index, RunID: s.RunID, ReceiptHash: s.ReceiptHash}, nil
}

// line deals with the log's answer to one receipt.
func (k *keeper) line(bar *progress, line *api.Line) error {
	s := k.recall(line.Line)
	o := outcome{File: s.source, Line: line.Line, Status: line.Status, RunID: s.runID, Error: line.Error}
	if line.Error != nil {
		k.refused++
		bar.clear()
		return k.report(o)
	}
	o.Index, o.Duplicate, o.Hash = &line.Index, line.Duplicate, line.ReceiptHash
	if o.Duplicate {
		k.known++
	} else {
		k.logged++
	}
	if !k.flags.async {
		o.Bundle = k.flags.target(s.source, s.runID, line.Index)
		if err := k.keep(o.Bundle, s, line); err != nil {
			bar.clear()
			return err
		}
	}
	if isTerminal(k.cmd.OutOrStdout()) {
		bar.clear()
	}
	return k.report(o)
}

// keep checks a bundle and writes it.
func (k *keeper) keep(name string, s sent, line *api.Line) error {
	if len(line.Bundle) == 0 {
		return failing(exitCannotTell, fmt.Errorf("%s: the log took the receipt but sent no bundle", name), "fetch it later with receiptctl get")
	}
	b, err := bundle.Parse(line.Bundle)
	if err != nil {
		return failing(exitBad, fmt.Errorf("%s: the log's bundle: %w", name, err), "")
	}
	r, err := receipt.Parse(b.Receipt)
	if err != nil {
		return failing(exitBad, fmt.Errorf("%s: the log's bundle: %w", name, err), "")
	}
	if sum := r.Hash(); hex.EncodeToString(sum[:]) != s.hash {
		return failing(exitBad, fmt.Errorf("%s: the log answered with the bundle of another receipt", name), "something is wrong with this log; the bundle was not kept")
	}
	if k.options.Policy != nil {
		if v := verify.Bundle(b, k.options); !v.Verified {
			newPainter(k.cmd.ErrOrStderr()).verdict(name, v)
			return failing(exitBad, fmt.Errorf("%s: the log's bundle does not verify", name), "nothing was kept; is it the right policy for this log?")
		}
	}
	return replaceFile(name, append(bytes.Clone(line.Bundle), '\n'))
}

func (k *keeper) report(o outcome) error {
	if k.flags.json {
		return printLine(k.cmd.OutOrStdout(), o)
	}
	who := o.File
	if who == "" {
		who = fmt.Sprintf("line %d", o.Line)
	}
	if o.Error != nil {
		fmt.Fprintf(k.cmd.ErrOrStderr(), "receiptctl: error: %s: refused: %v\n", who, o.Error)
		if hint := hintFor(o.Error); hint != "" {
			fmt.Fprintf(k.cmd.ErrOrStderr(), "receiptctl: hint: %s\n", hint)
		}
		return nil
	}
	how := "logged at index"
	switch {
	case o.Duplicate:
		how = "was logged before, at index"
	case k.flags.async:
		how = "will be logged at index"
	}
	fmt.Fprintf(k.cmd.OutOrStdout(), "%s: %s %d", who, how, *o.Index)
	if o.Bundle != "" {
		fmt.Fprintf(k.cmd.OutOrStdout(), ", proven by %s", o.Bundle)
	}
	fmt.Fprintln(k.cmd.OutOrStdout())
	return nil
}

// summary closes a submission of more than one receipt.
func (k *keeper) summary() {
	if k.flags.json || k.logged+k.known+k.refused < 2 {
		return
	}
	fmt.Fprintf(k.cmd.OutOrStdout(), "%s: %d new, %d logged before, %d refused\n",
		counted(k.logged+k.known+k.refused, "receipt"), k.logged, k.known, k.refused)
}

func asComplaint(err error) (*complaint, bool) { return errors.AsType[*complaint](err) }
