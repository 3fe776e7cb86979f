// Demo shows in under half a minute what a receipt log is for: it runs the real
// programs on loopback with a new log and three witnesses in a temporary folder,
// logs receipts of this very repository, kills the server and a witness on the
// way, verifies everything with the server down, changes one byte to show that it
// is found, erases a receipt lawfully, and deletes another behind the log's back,
// which an auditor tells apart.
//
// It exits 0 only if everything it claims held. It needs no network, removes
// what it made (-keep keeps it), and can be interrupted at any time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// total is how many receipts are logged: with the issuer's entry more than the
// 256 that one tile holds, so that the tree is two tiles high.
const total = 300

// commits is how many receipts are made of commits of this repository, where
// it has as many.
const commits = 25

// limit bounds the whole demo, on a slow and busy machine.
const limit = 3 * time.Minute

func main() {
	bin := flag.String("bin", "bin", "folder with the programs receiptlog, receiptctl, receiptwitness and vandal, and peers/litewitness if there")
	repo := flag.String("repo", ".", "git repository to issue receipts of")
	keep := flag.Bool("keep", false, "keep the temporary folder, to look around in")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("gave up after %v", limit))
	defer cancel()
	if err := run(ctx, *bin, *repo, *keep); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			if errors.Is(err, context.Canceled) {
				err = errors.New("interrupted")
			}
		}
		fmt.Fprintf(os.Stderr, "\ndemo: error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, repo string, keep bool) (err error) {
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "receiptlog-demo-")
	if err != nil {
		return err
	}
	s := &stage{ctx: ctx, bin: bin, repo: repo, dir: dir, began: time.Now()}
	defer func() { err = errors.Join(err, s.clear(keep)) }()
	s.open()
	for _, act := range []func() error{
		s.makeIssuerAndLog,
		s.makeReceipts,
		s.submitSome,
		s.killInTheMiddle,
		s.killOneWitness,
		s.submitAllAgain,
		s.verifyOffline,
		s.changeOneByte,
		s.eraseOne,
		s.deleteOne,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	s.close()
	return nil
}
