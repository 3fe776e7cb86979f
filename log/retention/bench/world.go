package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
)

const origin = "log.example/bench"

// world is a log in a temporary folder.
type world struct {
	dir      string
	vkey     string
	signers  []*checkpoint.Signer
	issuer   *logtest.Issuer
	resolver *logtest.Resolver
}

func newWorld() (*world, error) {
	dir, err := os.MkdirTemp("", "receiptlog-bench-")
	if err != nil {
		return nil, err
	}
	skey, vkey, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		return nil, err
	}
	signer, err := checkpoint.NewSigner(skey, time.Now)
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, vkey: vkey, signers: []*checkpoint.Signer{signer}, issuer: logtest.NewIssuer("did:web:issuer.example"), resolver: logtest.NewResolver()}
	w.resolver.Publish(w.issuer.Document())
	return w, log.Create(w.data(), origin)
}

func (w *world) data() string { return filepath.Join(w.dir, "data") }

func (w *world) remove() { os.RemoveAll(w.dir) }

// open opens the log with default settings, which change may adjust.
func (w *world) open(change func(*log.Options)) (*log.Log, error) {
	o := log.Options{Dir: w.data(), Signers: w.signers, Issuers: []string{w.issuer.DID}, Resolver: did.Chain{did.KeyResolver{}, w.resolver}}
	if change != nil {
		change(&o)
	}
	return log.Open(o)
}

// serve serves the log on loopback, as the program does.
func serve(l *log.Log) (url string, stop func(), err error) {
	h, err := httpapi.New(l, httpapi.Options{Logger: slog.New(slog.DiscardHandler), MaxAge: time.Hour})
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := h.Server()
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	return "http://" + listener.Addr().String(), func() { server.Close() }, nil
}

// closed closes a log whose close cannot wait for ever.
func closed(l *log.Log) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return l.Close(ctx)
}
