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
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
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

func newKeeper(cmd *cobra.Command, f submitFlags) (*keeper, error) {
	p, err := loadPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	if f.dir != "" {
		if err := os.MkdirAll(f.dir, 0o755); err != nil {
			return nil, exit.With(exit.Usage, err, "")
		}
	}
	return &keeper{cmd: cmd, flags: f, options: verify.Options{Policy: p}, sent: make(map[int]sent)}, nil
}

// send submits the files named, or else standard input, and yields the log's
// answers.
func (k *keeper) send(client *api.Client, names []string) iter.Seq2[*api.Line, error] {
	switch len(names) {
	case 0:
		return client.SubmitMany(k.cmd.Context(), k.fromLines(k.cmd.InOrStdin()), k.flags.async)
	case 1:
		return k.single(client, k.fromFiles(names))
	default:
		return client.SubmitMany(k.cmd.Context(), k.fromFiles(names), k.flags.async)
	}
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
			yield(nil, exit.With(exit.Usage, fmt.Errorf("standard input: %w", err), "expected is one receipt a line"))
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
		return exit.With(exit.CannotTell, fmt.Errorf("%s: the log took the receipt but sent no bundle", name), "fetch it later with receiptctl get")
	}
	b, err := bundle.Parse(line.Bundle)
	if err != nil {
		return exit.With(exit.Bad, fmt.Errorf("%s: the log's bundle: %w", name, err), "")
	}
	r, err := receipt.Parse(b.Receipt)
	if err != nil {
		return exit.With(exit.Bad, fmt.Errorf("%s: the log's bundle: %w", name, err), "")
	}
	if sum := r.Hash(); hex.EncodeToString(sum[:]) != s.hash {
		return exit.With(exit.Bad, fmt.Errorf("%s: the log answered with the bundle of another receipt", name), "something is wrong with this log; the bundle was not kept")
	}
	if k.options.Policy != nil {
		if v := verify.Bundle(b, k.options); !v.Verified {
			newPainter(k.cmd.ErrOrStderr()).verdict(name, v)
			return exit.With(exit.Bad, fmt.Errorf("%s: the log's bundle does not verify", name), "nothing was kept; is it the right policy for this log?")
		}
	}
	return durable.Replace(name, append(bytes.Clone(line.Bundle), '\n'), 0o644)
}
