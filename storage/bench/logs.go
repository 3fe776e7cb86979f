package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

const origin = "log.example/bench"

// log is a running log of either kind.
type log struct {
	add    tessera.AddFn
	reader tessera.LogReader
	close  func() error
	driver *driver.Driver // nil for POSIX
}

// options are the same for both. POSIX has no pushback; ours is set beyond reach.
func options() (*tessera.AppendOptions, error) {
	skey, _, err := note.GenerateKey(nil, origin)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	return tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithCheckpointInterval(time.Second).WithPushback(1 << 20), nil
}

func openOurs(dir string, create bool) (*log, error) {
	opts, err := options()
	if err != nil {
		return nil, err
	}
	db, err := kv.Open(dir, kv.Options{Create: create, Origin: origin, OnFatal: func(err error) {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}})
	if err != nil {
		return nil, err
	}
	d := driver.New(db, driver.Options{})
	l, err := open(d, opts)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	stop := l.close
	l.driver = d
	l.close = func() error {
		d.Hurry()
		err := stop()
		d.Wait()
		return errors.Join(err, db.Close())
	}
	return l, nil
}

func openPOSIX(dir string, batch uint) (*log, error) {
	opts, err := options()
	if err != nil {
		return nil, err
	}
	d, err := posix.New(context.Background(), posix.Config{Path: dir})
	if err != nil {
		return nil, err
	}
	return open(d, opts.WithBatching(batch, 10*time.Millisecond))
}

func open(d tessera.Driver, opts *tessera.AppendOptions) (*log, error) {
	ctx, cancel := context.WithCancel(context.Background())
	appender, shutdown, reader, err := tessera.NewAppender(ctx, d, opts)
	if err != nil {
		cancel()
		return nil, err
	}
	return &log{add: appender.Add, reader: reader, close: func() error {
		defer cancel()
		return shutdown(ctx)
	}}, nil
}
