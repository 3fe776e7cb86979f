package main

import (
	"encoding/json/v2"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
)

const (
	singles    = 3  // submitted with a run of receiptctl each
	batch      = 40 // submitted as NDJSON, in one run of receiptctl
	submitters = 8  // that submit side by side when the server is killed
	killAfter  = 60 // acknowledgements by them
)

// submitSome submits receipts as an issuer would: one by one, and many at once.
func (s *stage) submitSome() error {
	s.next("Submitted over HTTP")
	began := time.Now()
	for _, r := range s.receipts[:singles] {
		out, err := s.must("submit", "receipts/"+r.name+".json", "--url", s.log.client.URL())
		if err != nil {
			return err
		}
		show(out)
		b, err := s.readBundle(s.path("receipts", r.name+".bundle.json"))
		if err != nil {
			return err
		}
		r.acked, r.index = true, b.Index
	}
	if err := s.submitLines(s.receipts[singles : singles+batch]); err != nil {
		return err
	}
	say("and %d more as NDJSON on standard input of receiptctl submit", batch)
	say("%d receipts, each under a published checkpoint before its answer, in %.1f s", singles+batch, time.Since(began).Seconds())
	return nil
}

// submitLines submits receipts as NDJSON in one run of receiptctl.
func (s *stage) submitLines(receipts []*item) error {
	var lines strings.Builder
	for _, r := range receipts {
		lines.Write(oneLine(r.data))
	}
	exit, out, err := s.ctl([]byte(lines.String()), "submit", "--url", s.log.client.URL(), "-o", "first", "--json")
	if err != nil {
		return err
	}
	if exit != 0 {
		return fmt.Errorf("receiptctl submit: exit status %d\n%s", exit, out)
	}
	n := 0
	for line := range strings.Lines(out) {
		var answer struct {
			Index *uint64 `json:"index"`
		}
		if err := json.Unmarshal([]byte(line), &answer); err != nil || answer.Index == nil || n >= len(receipts) {
			return fmt.Errorf("receiptctl submit --json said: %s", line)
		}
		receipts[n].acked, receipts[n].index = true, *answer.Index
		n++
	}
	if n != len(receipts) {
		return fmt.Errorf("receiptctl submit answered %d of %d receipts", n, len(receipts))
	}
	return nil
}

// oneLine ends a receipt, which is canonical and so one line already.
func oneLine(data []byte) []byte { return append([]byte(strings.TrimSpace(string(data))), '\n') }

// submitAllAgain submits everything, as whoever is in doubt may, and holds that
// each receipt has one leaf: the one it was acknowledged with.
func (s *stage) submitAllAgain() error {
	s.next("All %d are submitted again, in doubt", total)
	again, indexes, kept := 0, make(map[uint64]bool), 0
	for line, err := range s.log.client.SubmitMany(s.ctx, s.all(), false) {
		if err != nil {
			return err
		}
		r := s.receipts[line.Line-1]
		switch {
		case line.Error != nil:
			return fmt.Errorf("%s was refused: %w", r.name, line.Error)
		case indexes[line.Index]:
			return fmt.Errorf("two receipts have index %d", line.Index)
		case r.acked && (line.Index != r.index || !line.Duplicate):
			return fmt.Errorf("%s was acknowledged at index %d and is now at %d", r.name, r.index, line.Index)
		}
		if line.Duplicate {
			again++
		}
		if r.acked {
			kept++
		}
		indexes[line.Index] = true
		r.index = line.Index
	}
	end, err := s.checkpoint()
	if err != nil {
		return err
	}
	s.size = end.Size
	if len(indexes) != total || end.Size != total+1 {
		return fmt.Errorf("%d receipts in a tree of %d entries, where %d and %d were due", len(indexes), end.Size, total, total+1)
	}
	say("all %d acknowledged before are there, at the index they were given then", kept)
	say("%d had been logged without an answer getting out, %d are new", again-kept, total-again)
	say("%d receipts + 1 entry with the issuer's DID document = %d leaves: no receipt has two", total, end.Size)
	s.picture()
	return s.fetchBundles()
}

// fetchBundles fetches the bundle of every receipt, as anybody may: these
// receipts' receipt.publish gate allows it.
func (s *stage) fetchBundles() error {
	if err := os.Mkdir(s.path(bundles), 0o700); err != nil {
		return err
	}
	for _, r := range s.receipts {
		data, err := s.log.client.Bundle(s.ctx, r.runID(), api.Only)
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.path(r.bundle()), data, 0o600); err != nil {
			return err
		}
	}
	fmt.Println()
	say("the bundles of all %d fetched by their run ids, with proofs to this checkpoint", total)
	return nil
}

func (s *stage) all() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, r := range s.receipts {
			if !yield(r.data, nil) {
				return
			}
		}
	}
}

// checkpoint fetches the log's latest checkpoint.
func (s *stage) checkpoint() (checkpoint.Checkpoint, error) {
	signed, err := s.log.client.Checkpoint(s.ctx)
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	s.signed = signed
	return checkpoint.ParseSigned(signed)
}
