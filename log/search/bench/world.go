package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

const origin = "log.example/bench"

// world is a log in a temporary folder.
type world struct {
	dir      string
	signers  []*checkpoint.Signer
	issuer   *logtest.Issuer
	resolver *logtest.Resolver
}

func newWorld() (*world, error) {
	dir, err := os.MkdirTemp("", "receiptlog-bench-")
	if err != nil {
		return nil, err
	}
	skey, _, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		return nil, err
	}
	signer, err := checkpoint.NewSigner(skey, time.Now)
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, signers: []*checkpoint.Signer{signer}, issuer: logtest.NewIssuer("did:web:issuer.example"), resolver: logtest.NewResolver()}
	w.resolver.Publish(w.issuer.Document())
	return w, log.Create(w.data(), origin)
}

func (w *world) data() string { return filepath.Join(w.dir, "data") }
func (w *world) remove()      { os.RemoveAll(w.dir) }

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
