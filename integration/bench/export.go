package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// submitAtOnce is how many receipts are signed, and held, at a time.
const submitAtOnce = 20_000

// export logs more receipts until there are total, exports all of them from a
// server that was started for it, and verifies what came, in a process of its
// own each.
func (s *server) export(ctx context.Context, is *issuer, logged, total int) error {
	for logged < total {
		n := min(submitAtOnce, total-logged)
		receipts, err := is.receipts(n, logged)
		if err != nil {
			return err
		}
		if _, err := s.submitLines(ctx, receipts); err != nil {
			return err
		}
		logged += n
	}
	// Memory that taking them in took is not the export's.
	s.end()
	key, err := exec.Command(s.program("receiptlog"), "key", "create", "--dir", s.data(), "--name", "bench", "--scope", "receipts:export").Output()
	if err != nil {
		return fmt.Errorf("receiptlog key create: %w", err)
	}
	if err := s.serve(); err != nil {
		return err
	}
	archive := filepath.Join(s.dir, "procurement.zip")
	if err := s.download(ctx, strings.TrimSpace(string(key)), archive, logged); err != nil {
		return err
	}
	return s.verifyArchive(is, archive, logged)
}

// download measures the server.
func (s *server) download(ctx context.Context, key, archive string, receipts int) error {
	c, err := api.New(s.url, api.Options{Token: key})
	if err != nil {
		return err
	}
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	before, err := s.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := c.Export(ctx, api.ExportRequest{Org: "acme"}, file); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := s.cpu()
	if err != nil {
		return err
	}
	peak, err := peakOf(s.process.Process.Pid)
	if err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	metric("export_receipts", float64(receipts), "receipts")
	metric("export_receipts_per_s", float64(receipts)/took.Seconds(), "receipts/s")
	metric("export_cpu_us", float64((after-before).Microseconds())/float64(receipts), "us")
	metric("export_rss_mb", peak, "MB")
	metric("export_bytes_per_receipt", float64(size)/float64(receipts), "bytes")
	return nil
}

// verifyArchive measures receiptctl, over what two cores, or however many there
// are, do in bare signatures: by CPU time, which a busy machine leaves as it is.
func (s *server) verifyArchive(is *issuer, archive string, receipts int) error {
	bare := is.signatures()
	cmd := exec.Command(s.program("receiptctl"), "verify", archive, "--policy", filepath.Join(s.data(), "policy.txt"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	peak, err := runPeak(cmd)
	if err != nil || !strings.Contains(out.String(), fmt.Sprintf("%d of %d verified", receipts, receipts)) {
		return fmt.Errorf("receiptctl verify: %v: %s", err, out.Bytes())
	}
	took := time.Since(began)
	cpu := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(receipts)
	metric("verify_export_receipts_per_s", float64(receipts)/took.Seconds(), "receipts/s")
	metric("verify_export_cpu_us", float64(cpu.Nanoseconds())/1e3, "us")
	metric("verify_export_vs_signatures", float64(bare)/float64(cpu), "ratio")
	metric("verify_export_rss_mb", peak, "MB")
	return nil
}

// runPeak runs a program and returns the most memory that it had, in MB, which it
// reads every few milliseconds: it only grows. What wait4 says of a child is no
// use, for that begins with the peak of its parent.
func runPeak(cmd *exec.Cmd) (peak float64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-time.After(5 * time.Millisecond):
			if now, err := peakOf(cmd.Process.Pid); err == nil {
				peak = max(peak, now)
			}
		}
	}
}

// signatures returns the CPU time of one bare Ed25519 verification, with every
// core at work.
func (is *issuer) signatures() time.Duration {
	const each = 5000
	pub, message := is.key.Public().(ed25519.PublicKey), make([]byte, 64)
	signature := ed25519.Sign(is.key, message)
	before := cpuOf(syscall.RUSAGE_SELF)
	var cores sync.WaitGroup
	for range runtime.NumCPU() {
		cores.Go(func() {
			for range each {
				if !ed25519.Verify(pub, message, signature) {
					panic("the floor does not hold")
				}
			}
		})
	}
	cores.Wait()
	return (cpuOf(syscall.RUSAGE_SELF) - before) / time.Duration(each*runtime.NumCPU())
}

// peakOf is the most memory that a process had, in MB.
func peakOf(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("the kernel does not say how much memory process %d had", pid)
}
