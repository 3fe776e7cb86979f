package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	tclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/log/logtest/bulk"
)

// measureAudit audits a large log whose bodies nobody asks for: what is
// measured is following it.
func measureAudit(ctx context.Context, s settings) error {
	if s.entries == 0 {
		return nil
	}
	w, err := bulk.New("")
	if err != nil {
		return err
	}
	defer w.Remove()
	if err := w.Fill(ctx, func(f *bulk.Filler) error { return bare(w, f, s.entries) }); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	l, err := w.Open(nil)
	if err != nil {
		return err
	}
	defer bulk.Close(l)
	base, stop, err := bulk.Serve(l)
	if err != nil {
		return err
	}
	defer stop()
	size := float64(l.Published().Size())

	took, rss, err := audit(w, base, s)
	if err != nil {
		return err
	}
	check, err := check(ctx, w, base, s)
	if err != nil {
		return err
	}
	bulk.Metric("audit_entries_per_s", size/took.Seconds(), "1/s")
	bulk.Metric("audit_vs_fsck", check.Seconds()/took.Seconds(), "ratio")
	bulk.Metric("audit_rss_mb", rss, "MB")
	return nil
}

// bare appends entries of receipts of fifty organisations, without bodies.
func bare(w *bulk.World, f *bulk.Filler, n int) error {
	for i := 1; i < n; i++ {
		e := w.ReceiptEntry(hex.EncodeToString(append(make([]byte, 15), byte(i%50))))
		rand.Read(e.Commitment[:])
		if err := f.Entry(e, nil); err != nil {
			return err
		}
	}
	return nil
}

// audit runs the program, and returns how long it took and the most memory it
// had, in MB.
func audit(w *bulk.World, base string, s settings) (time.Duration, float64, error) {
	policy := filepath.Join(w.Dir, "policy.txt")
	if err := os.WriteFile(policy, []byte("log "+w.VKey+"\nquorum none\n"), 0o600); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	peak, err := runPeak(exec.Command(filepath.Join(s.programs, "receiptctl"), "audit", "--url", base, "--policy", policy,
		"--state", filepath.Join(w.Dir, "audit"), "--no-bodies", "--workers", strconv.Itoa(s.workers)))
	if err != nil {
		return 0, 0, fmt.Errorf("receiptctl audit: %w", err)
	}
	return time.Since(began), peak, nil
}

// check runs Tessera's own check of the same log.
func check(ctx context.Context, w *bulk.World, base string, s settings) (time.Duration, error) {
	u, err := url.Parse(base)
	if err != nil {
		return 0, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	fetcher, err := tclient.NewHTTPFetcher(u, &http.Client{Transport: transport})
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(w.VKey)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = fsck.New(bulk.Origin, verifier, fetcher, leafHashes, fsck.Opts{N: uint(s.workers)}).Check(ctx)
	return time.Since(began), err
}

func leafHashes(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(bundle.Entries))
	for _, e := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}
