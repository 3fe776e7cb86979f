package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/internal/tracing"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/retention"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/kv"
)

// finishTimeout bounds how long accepted work may take once the server is told
// to stop: a submitter's wait, and the reading of the answer.
const finishTimeout = 45 * time.Second

type serveFlags struct{ dir, addressFile string }

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "run a log",
		Long: `Serve runs the log in a directory that init made. It creates nothing.

On SIGTERM or SIGINT it takes nothing more in, finishes what it accepted, and
exits 0. After a failure of the disk it exits 1 at once: what was acknowledged
is safe, and starting it again recovers.

With a policy (C2SP tlog-policy) its witnesses are asked to cosign every
checkpoint. Without their quorum nothing is published: submitters wait or get
503, /readyz says which witness is missing since when, and everything catches up
by itself. When it is stopped meanwhile, nobody waits: what was accepted is
durable, and is published after the next start.

A log whose data is older or other than what was published of it, by its own
record, latest-checkpoint.txt or its witnesses, or than its keys and its
configuration, signs nothing and takes nothing in, says so, and serves reads.

With a certificate and its key it serves HTTPS. The files are read again when they
have changed, and at SIGHUP; what cannot be used changes nothing.

Each setting of ` + configName + ` can be given as a flag, and as an environment
variable. A flag goes before a variable, and a variable before the file. Lists are
given with commas between. Traces are sent where the variables of OpenTelemetry say,
such as OTEL_EXPORTER_OTLP_ENDPOINT; without them there are none.

Exit status: 0 stopped as asked, 1 failed, 2 usage or configuration.`,
		Example: `  receiptlog serve --dir /var/lib/receiptlog
  receiptlog serve --dir /var/lib/receiptlog --policy /etc/receiptlog/policy.txt
  receiptlog serve --dir ./log --listen 127.0.0.1:0 --address-file address`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", os.Getenv(program+"_DIR"), "the log's `directory` (or $"+program+"_DIR)")
	cmd.Flags().String("listen", "", "`address` to serve on, instead of the configured one; port 0 picks a free one")
	cmd.Flags().StringVar(&f.addressFile, "address-file", "", "`file` to write the address to once it is served")
	cmd.Flags().String("policy", "", "`file` of the policy whose witnesses must cosign, instead of the configured one")
	cmd.Flags().Bool("fail-open", false, "publish even without the quorum: verifiers will refuse it")
	config.AddFlags(cmd, new(Config), program, configName)
	return cmd
}

func serve(cmd *cobra.Command, f serveFlags) error {
	if f.dir == "" {
		return exit.Misused(cmd, "say which log to run, with --dir")
	}
	c, err := readConfig(f.dir, func(c *Config) error { return c.fromFlags(cmd) })
	if err != nil {
		return err
	}
	logger, err := newLogger(c, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	tuneMemory()
	telemetry, err := newTelemetry(logger)
	if err != nil {
		return err
	}
	tracer, stopTracing, err := tracing.Start(cmd.Context(), "receiptlog")
	if err != nil {
		return err
	}
	defer tracing.Stop(stopTracing, logger)
	l, err := openLog(f.dir, c, logger, tracer)
	if err != nil {
		return err
	}
	admin := startAdmin(f.dir, l, logger)
	stopped, saved := make(chan struct{}), make(chan struct{})
	go func() { defer close(saved); keepSeen(stopped, f.dir, l, logger) }()
	err = run(cmd, l, f.dir, c, f.addressFile, httpapi.Options{
		Logger:      logger,
		Metrics:     telemetry,
		Tracer:      tracer,
		RequireKeys: c.Access.RequireKeys,
		Frugal:      new(frugality).begin,
		MaxAge:      staleAfter(c),
	})
	err = errors.Join(err, admin.Close(), l.Close(context.Background()))
	close(stopped)
	<-saved
	if err == nil {
		sayStopped(l, logger)
	}
	return err
}

// sayStopped says how the log stands after it was stopped as asked.
func sayStopped(l *log.Log, logger *slog.Logger) {
	if n := l.Unpublished(); n != 0 {
		logger.Warn("stopped; everything accepted is durable, and the last entries are not published: they will be after the next start", "entries", n)
		return
	}
	logger.Info("stopped; everything accepted is published")
}

// staleAfter is how old a published checkpoint may be: two in a row may be late
// before somebody is called.
func staleAfter(c *Config) time.Duration {
	return 2*time.Duration(c.RepublishInterval) + 10*time.Second
}

// openLog opens the log as configured.
func openLog(dir string, c *Config, logger *slog.Logger, tracer trace.Tracer) (*log.Log, error) {
	signers, err := loadSigners(dir, c.Keys)
	if err != nil {
		return nil, err
	}
	resolver, err := newResolver(dir, c)
	if err != nil {
		return nil, err
	}
	terms, err := c.Retention.terms()
	if err != nil {
		return nil, err
	}
	witnesses, err := readWitnesses(dir, c)
	if err != nil {
		return nil, err
	}
	published, err := readSeen(dir)
	if err != nil {
		return nil, err
	}
	known, err := knownKeys(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it is needed only where the log's own keys are others
	}
	if err != nil {
		return nil, exit.With(exit.Usage, err, "it is for those who verify, and made by init; its format is C2SP tlog-policy")
	}
	l, err := log.Open(log.Options{
		Webhooks:           webhook.Options{AllowPrivate: c.Webhooks.AllowPrivate, StaleAfter: staleAfter(c), QuorumGrace: time.Duration(c.Webhooks.QuorumGrace)},
		Retention:          retention.Options{Terms: terms, Paused: c.Retention.Paused},
		Dir:                filepath.Join(dir, dataName),
		Origin:             c.Origin,
		Signers:            signers,
		Known:              known,
		Issuers:            c.Issuers,
		Resolver:           resolver,
		IssuerRefresh:      time.Duration(c.DIDWeb.CacheFor),
		IssuerMaxAge:       time.Duration(c.DIDWeb.TolerateOutage),
		CheckpointInterval: time.Duration(c.CheckpointInterval),
		RepublishInterval:  time.Duration(c.RepublishInterval),
		MaxOutstanding:     c.MaxOutstanding,
		ReserveBytes:       c.ReserveBytes,
		Storage:            kv.Options{MemTableBytes: c.MemTableBytes},
		KeyRate:            c.Access.RequestsPerSecond,
		Witnesses:          witnesses,
		FailOpen:           c.FailOpen,
		Seen:               published,
		Tracer:             tracer,
		Logger:             logger,
	})
	switch {
	case errors.Is(err, kv.ErrLocked):
		return nil, exit.With(exit.Bad, err, "another receiptlog runs on this directory; two would fork the log")
	case errors.Is(err, kv.ErrNotExist):
		return nil, exit.With(exit.Bad, err, "serve creates nothing: restore the data directory, or make a new log with init")
	case errors.Is(err, syscall.ENOSPC):
		return nil, exit.With(exit.Bad, err, "nothing is lost. Starting writes the write-ahead log to tables: make room for four times memTableBytes, then start again")
	}
	return l, explainUnopened(dir, err)
}

// explainUnopened tells an operator what to do about a log that cannot be opened.
func explainUnopened(dir string, err error) error {
	switch {
	case errors.Is(err, kv.ErrBackup):
		return exit.With(exit.Bad, err, "make it a log again with: receiptlog restore")
	case errors.Is(err, log.ErrForeignKeys), errors.Is(err, log.ErrOtherLog):
		return exit.With(exit.Bad, err, "bring back the key files that init made; a log with other keys is another log")
	case errors.Is(err, kv.ErrHurt):
		return exit.With(exit.Bad, err, "see what still verifies with receiptlog fsck --dir "+dir+", and restore a backup")
	}
	return err
}

// run serves until the command's context ends or the log fails.
func run(cmd *cobra.Command, l *log.Log, dir string, c *Config, addressFile string, o httpapi.Options) error {
	handler, err := httpapi.New(l, o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return exit.With(exit.Bad, err, "choose another address with --listen")
	}
	server := handler.Server()
	scheme, err := secure(cmd.Context(), server, dir, c, o.Logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	ended := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			ended <- server.ServeTLS(listener, "", "")
		} else {
			ended <- server.Serve(listener)
		}
	}()
	if err := announce(cmd, l, scheme, listener.Addr().String(), addressFile); err != nil {
		return errors.Join(err, server.Close())
	}
	if addressFile != "" {
		defer os.Remove(addressFile)
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-l.Failed():
		// I1: nothing is hoped for. Who waits gets no answer, which is true.
		return errors.Join(errors.New("the log failed"), server.Close())
	case <-cmd.Context().Done():
	}
	return finish(server, handler)
}

func announce(cmd *cobra.Command, l *log.Log, scheme, address, addressFile string) error {
	if addressFile != "" {
		if err := durable.Replace(addressFile, []byte(address+"\n"), 0o644); err != nil {
			return fmt.Errorf("write address: %w", err)
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "serving %s on %s://%s\n", l.Origin(), scheme, address)
	return err
}

// finish answers what was accepted and closes the connections.
func finish(server *http.Server, handler *httpapi.Handler) error {
	handler.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("finish running requests: %w", err), server.Close())
	}
	return nil
}
