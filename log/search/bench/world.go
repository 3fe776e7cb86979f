package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

const origin = "log.example/bench"

// world is a log in a folder.
type world struct {
	dir      string
	kept     bool // the folder stays
	signers  []*checkpoint.Signer
	issuer   *logtest.Issuer
	resolver *logtest.Resolver
}

// newWorld makes a log in a temporary folder; or takes up the one in a folder, or
// makes one there.
func newWorld(kept string) (*world, error) {
	w := &world{dir: kept, kept: kept != "", issuer: logtest.NewIssuer("did:web:issuer.example"), resolver: logtest.NewResolver()}
	w.resolver.Publish(w.issuer.Document())
	if !w.kept {
		var err error
		if w.dir, err = os.MkdirTemp("", "receiptlog-bench-"); err != nil {
			return nil, err
		}
	}
	key := filepath.Join(w.dir, "key")
	skey, err := os.ReadFile(key)
	if errors.Is(err, fs.ErrNotExist) {
		var text string
		if text, _, err = checkpoint.GenerateEd25519(origin); err != nil {
			return nil, err
		}
		skey = []byte(text)
		if err = log.Create(w.data(), origin); err == nil {
			err = os.WriteFile(key, skey, 0o600)
		}
	}
	if err != nil {
		return nil, err
	}
	signer, err := checkpoint.NewSigner(string(skey), time.Now)
	w.signers = []*checkpoint.Signer{signer}
	return w, err
}

func (w *world) data() string { return filepath.Join(w.dir, "data") }

func (w *world) remove() {
	if !w.kept {
		os.RemoveAll(w.dir)
	}
}

// open opens the log with default settings, with or without its search index.
func (w *world) open(noSearch bool) (*log.Log, error) {
	return log.Open(log.Options{Dir: w.data(), Signers: w.signers, Issuers: []string{w.issuer.DID},
		Resolver: did.Chain{did.KeyResolver{}, w.resolver}, NoSearch: noSearch})
}

// closed closes a log whose close cannot wait for ever.
func closed(l *log.Log) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return l.Close(ctx)
}
