package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	tclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// measureAudit audits a large log whose bodies nobody asks for: what is
// measured is following it.
func measureAudit(ctx context.Context, s settings) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.remove()
	if err := w.fill(ctx, s.entries); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	l, err := w.open(nil)
	if err != nil {
		return err
	}
	defer closed(l)
	base, stop, err := serve(l)
	if err != nil {
		return err
	}
	defer stop()
	size := float64(l.Published().Size())

	audit, rss, err := w.audit(base, s)
	if err != nil {
		return err
	}
	check, err := w.fsck(ctx, base, s)
	if err != nil {
		return err
	}
	metric("audit_entries_per_s", size/audit.Seconds(), "1/s")
	metric("audit_vs_fsck", check.Seconds()/audit.Seconds(), "ratio")
	metric("audit_rss_mb", rss, "MB")
	return nil
}

// fill appends entries by themselves: an issuer's document, and receipts of
// fifty organisations.
func (w *world) fill(ctx context.Context, n int) error {
	db, err := kv.Open(w.data(), kv.Options{Origin: origin})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	d := driver.New(db, driver.Options{})
	opts := tessera.NewAppendOptions().WithCheckpointSigner(w.signers[0]).WithCheckpointInterval(time.Second).WithPushback(1 << 20)
	appender, shutdown, _, err := tessera.NewAppender(ctx, d, opts)
	if err != nil {
		cancel()
		return err
	}
	first := entry.Issuer{DID: w.issuer.DID, Document: w.issuer.Document().Canonical(), At: time.Now()}
	futures := make([]tessera.IndexFuture, 0, 16384)
	settle := func() error {
		for _, f := range futures {
			if _, err := f(); err != nil {
				return err
			}
		}
		futures = futures[:0]
		return nil
	}
	futures = append(futures, appender.Add(ctx, tessera.NewEntry(first.Marshal())))
	if err := settle(); err != nil {
		cancel()
		return err
	}
	e := entry.Receipt{Issuer: w.issuer.DID, Key: did.EncodeKey(w.issuer.Key.Public().(ed25519.PublicKey)), Retain: entry.Indefinite}
	for i := 1; i < n && err == nil; i++ {
		rand.Read(e.Commitment[:])
		e.Org, e.At = hex.EncodeToString(append(make([]byte, 15), byte(i%50))), time.Now()
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(e.Marshal())))
		if len(futures) == cap(futures) {
			err = settle()
		}
	}
	if err == nil {
		err = settle()
	}
	if err == nil {
		err = shutdown(ctx)
	}
	cancel()
	d.Wait()
	if err != nil {
		return err
	}
	return db.Close()
}

// audit runs the program, and returns how long it took and the most memory it
// had, in MB.
func (w *world) audit(base string, s settings) (time.Duration, float64, error) {
	policy := filepath.Join(w.dir, "policy.txt")
	if err := os.WriteFile(policy, []byte("log "+w.vkey+"\nquorum none\n"), 0o600); err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(filepath.Join(s.programs, "receiptctl"), "audit", "--url", base, "--policy", policy,
		"--state", filepath.Join(w.dir, "audit"), "--no-bodies", "--workers", strconv.Itoa(s.workers))
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, 0, fmt.Errorf("receiptctl audit: %v: %s", err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return took, float64(usage.Maxrss) / 1024, nil
}

// fsck runs Tessera's own check of the same log.
func (w *world) fsck(ctx context.Context, base string, s settings) (time.Duration, error) {
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
	verifier, err := note.NewVerifier(w.vkey)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = fsck.New(origin, verifier, fetcher, leafHashes, fsck.Opts{N: uint(s.workers)}).Check(ctx)
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
