// Package bulk makes large logs for measuring: in a temporary folder, filled with
// entries by themselves, faster than a log takes them in, and served on loopback
// as the program does.
package bulk

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
)

// Origin is the name of every such log.
const Origin = "log.example/bench"

// World is a log with its key and its one issuer.
type World struct {
	Dir      string // temporary
	VKey     string // of the log, for a policy
	Issuer   *logtest.Issuer
	signers  []*checkpoint.Signer
	resolver *logtest.Resolver
}

// New makes an empty log. Remove it.
func New() (*World, error) {
	dir, err := os.MkdirTemp("", "receiptlog-bench-")
	if err != nil {
		return nil, err
	}
	skey, vkey, err := checkpoint.GenerateEd25519(Origin)
	if err != nil {
		return nil, err
	}
	signer, err := checkpoint.NewSigner(skey, time.Now)
	if err != nil {
		return nil, err
	}
	w := &World{Dir: dir, VKey: vkey, signers: []*checkpoint.Signer{signer}, Issuer: logtest.NewIssuer("did:web:issuer.example"), resolver: logtest.NewResolver()}
	w.resolver.Publish(w.Issuer.Document())
	return w, log.Create(w.data(), Origin)
}

func (w *World) data() string { return filepath.Join(w.Dir, "data") }

// Remove removes the log from the disk.
func (w *World) Remove() { os.RemoveAll(w.Dir) }

// Open opens the log with default settings, which change may adjust. Close it
// with [Close].
func (w *World) Open(change func(*log.Options)) (*log.Log, error) {
	o := log.Options{Dir: w.data(), Signers: w.signers, Issuers: []string{w.Issuer.DID}, Resolver: did.Chain{did.KeyResolver{}, w.resolver}}
	if change != nil {
		change(&o)
	}
	return log.Open(o)
}

// Close closes a log, which cannot take for ever.
func Close(l *log.Log) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return l.Close(ctx)
}

// Serve serves a log on loopback until stop is called.
func Serve(l *log.Log) (url string, stop func(), err error) {
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

// CPU is the time of this process so far, all threads, kernel included.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Metric prints one figure, as `make bench` gathers them.
func Metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.3f %s\n", name, value, unit)
}
