// Package bulk makes large logs for measuring: filled with entries by themselves,
// faster than a log takes them in, and served on loopback as the program does.
package bulk

import (
	"context"
	"crypto/ed25519"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
	logsearch "github.com/armalo/receiptlog/log/search"
)

// Origin is the name of every such log.
const Origin = "log.example/bench"

// World is a log with its key and its one issuer.
type World struct {
	Dir      string // of the log, and of what a bench puts beside it
	VKey     string // of the log, for a policy
	Issuer   *logtest.Issuer
	kept     bool
	signers  []*checkpoint.Signer
	resolver *logtest.Resolver
}

// New makes an empty log in a temporary folder, to be removed with Remove; or, if
// dir is not empty, makes one there that stays, or takes up the one that is there.
func New(dir string) (*World, error) {
	w := &World{Dir: dir, kept: dir != "", Issuer: logtest.NewIssuer("did:web:issuer.example"), resolver: logtest.NewResolver()}
	if !w.kept {
		var err error
		if w.Dir, err = os.MkdirTemp("", "receiptlog-bench-"); err != nil {
			return nil, err
		}
	}
	keys, err := w.keys()
	if err != nil {
		return nil, err
	}
	signer, err := checkpoint.NewSigner(keys.Log, time.Now)
	w.VKey, w.signers, w.Issuer.Key = keys.Verifier, []*checkpoint.Signer{signer}, ed25519.NewKeyFromSeed(keys.Issuer)
	w.resolver.Publish(w.Issuer.Document())
	return w, err
}

// keys are what a log that is kept is taken up again with.
type keys struct {
	Log, Verifier string
	Issuer        []byte // seed
}

// keys returns the keys of the log in the folder, which it makes if there is none.
func (w *World) keys() (k keys, err error) {
	name := filepath.Join(w.Dir, "keys.json")
	text, err := os.ReadFile(name)
	if err == nil {
		return k, json.Unmarshal(text, &k)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	k.Issuer = w.Issuer.Key.Seed()
	if k.Log, k.Verifier, err = checkpoint.GenerateEd25519(Origin); err != nil {
		return k, err
	}
	if err := log.Create(w.data(), Origin); err != nil {
		return k, err
	}
	if text, err = json.Marshal(k); err != nil {
		return k, err
	}
	return k, os.WriteFile(name, text, 0o600)
}

func (w *World) data() string { return filepath.Join(w.Dir, "data") }

// Remove removes the log from the disk, if it is in a temporary folder.
func (w *World) Remove() {
	if !w.kept {
		os.RemoveAll(w.Dir)
	}
}

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

// Built waits until all of the log can be searched.
func Built(ctx context.Context, l *log.Log) error {
	for {
		_, err := l.Search(ctx, &search.Query{Commit: Commit(1)}, []logsearch.Audience{logsearch.Everybody}, 0, 1, func(*log.Stored) error { return nil })
		if !errors.Is(err, logsearch.ErrBehind) {
			return err
		}
	}
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

// Profiled does something, and writes a CPU profile of it to a file if that has a
// name.
func Profiled(name string, do func() error) error {
	if name == "" {
		return do()
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
}

// Metric prints one figure, as `make bench` gathers them.
func Metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.3f %s\n", name, value, unit)
}
