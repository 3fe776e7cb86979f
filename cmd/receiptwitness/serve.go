package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/cmd/internal/certificate"
	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/internal/tracing"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/witness"
	"github.com/armalo/receiptlog/witness/admin"
	"github.com/armalo/receiptlog/witness/httpapi"
)

// finishTimeout bounds how long running requests may take once the server is told
// to stop.
const finishTimeout = 15 * time.Second

type serveFlags struct {
	dir, addressFile, bastionRoots string
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "run a witness",
		Long: `Serve runs the witness in a directory that init made. It creates nothing.

On SIGTERM or SIGINT it finishes the requests that run, and exits 0. After a
failure of the disk it exits 1 at once: whatever it cosigned is safe, and starting
it again recovers.

With a certificate and its key it serves HTTPS. The files are read again when they
have changed, and at SIGHUP; what cannot be used changes nothing.

Each setting of ` + configName + ` can be given as a flag, and as an environment
variable. A flag goes before a variable, and a variable before the file. Lists are
given with commas between. Traces are sent where the variables of OpenTelemetry say,
such as OTEL_EXPORTER_OTLP_ENDPOINT; without them there are none.

Exit status: 0 stopped as asked, 1 failed, 2 usage or configuration.`,
		Example: `  receiptwitness serve --dir /var/lib/receiptwitness
  receiptwitness serve --dir ./witness --listen 127.0.0.1:0 --address-file address`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", os.Getenv(program+"_DIR"), "the witness's `directory` (or $"+program+"_DIR)")
	flags.String("listen", "", "`address` to serve on, instead of the configured one; port 0 picks a free one")
	flags.StringVar(&f.addressFile, "address-file", "", "`file` to write the address to once it is served")
	flags.StringVar(&f.bastionRoots, "bastion-roots", "", "PEM `file` with the authorities that vouch for bastions, instead of the system's")
	config.AddFlags(cmd, new(Config), program, configName)
	return cmd
}

func serve(cmd *cobra.Command, f serveFlags) (err error) {
	if f.dir == "" {
		return exit.Misused(cmd, "say which witness to run, with --dir")
	}
	c, err := readConfig(f.dir, func(c *Config) error { return config.FromFlags(c, cmd) })
	if err != nil {
		return err
	}
	if c.Listen == "" && len(c.Bastions) == 0 {
		return exit.With(exit.Usage, errors.New("neither an address to serve on nor a bastion is configured"), "nobody could reach this witness")
	}
	logger, err := c.Logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	tracer, stopTracing, err := tracing.Start(cmd.Context(), "receiptwitness")
	if err != nil {
		return err
	}
	defer tracing.Stop(stopTracing, logger)
	db, err := openDatabase(f.dir, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	metrics := httpapi.NewMetrics()
	w, err := openWitness(f.dir, db, witness.Options{
		PerLogPerSecond: c.PerLogPerSecond, PerLogBurst: c.PerLogBurst, OnFork: metrics.Forked, Logger: logger,
	})
	if err != nil {
		return err
	}
	s := &service{cmd: cmd, flags: f, config: c, log: logger, db: db, w: w, metrics: metrics, tracer: tracer}
	s.api = httpapi.New(w, httpapi.Options{
		PerClientPerSecond: c.PerClientPerSecond, PerClientBurst: c.PerClientBurst, Logger: logger, Metrics: metrics,
	})
	return s.run()
}

// service is a witness while it is served.
type service struct {
	cmd     *cobra.Command
	flags   serveFlags
	config  *Config
	log     *slog.Logger
	db      *kv.DB
	w       *witness.Witness
	metrics *httpapi.Metrics
	api     *httpapi.API
	tracer  trace.Tracer // nil: none

	servers []*http.Server
	running sync.WaitGroup
	failed  chan error
}

// run serves until the command's context ends or something fails.
func (s *service) run() error {
	ctx, stop := context.WithCancel(s.cmd.Context())
	defer s.running.Wait()
	defer stop()
	s.failed = make(chan error, 1)
	if err := s.start(ctx); err != nil {
		return errors.Join(err, s.finish())
	}
	select {
	case <-s.cmd.Context().Done():
	case err := <-s.failed:
		return errors.Join(err, s.finish())
	case <-s.db.Failed():
		// I8: nothing is hoped for. Who waits gets no signature.
		return errors.Join(fmt.Errorf("the witness failed: %w", s.db.Err()), s.cut())
	}
	stop()
	err := s.finish()
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

func (s *service) start(ctx context.Context) error {
	socket, err := admin.Listen(filepath.Join(s.flags.dir, socketName))
	if err != nil {
		return exit.With(exit.Bad, err, "the path of the directory may be too long for a socket (about 90 bytes)")
	}
	local := admin.Local{Witness: s.w, Reload: func() (*witness.Keys, error) { return loadKeys(s.flags.dir) }}
	s.serve(socket, &http.Server{Handler: admin.Handler(local), ReadHeaderTimeout: time.Minute})

	address := "bastions only"
	if s.config.Listen != "" {
		if address, err = s.listen(ctx); err != nil {
			return err
		}
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if s.flags.addressFile != "" {
		if err := durable.Replace(s.flags.addressFile, []byte(address+"\n"), 0o644); err != nil {
			return fmt.Errorf("write address: %w", err)
		}
	}
	_, err = fmt.Fprintf(s.cmd.OutOrStdout(), "serving %s on %s, for %s\n", s.config.Name, address, logs(s.w.Served()))
	return err
}

// logs counts logs in words.
func logs(n int) string {
	switch n {
	case 0:
		return "no log yet: name one with receiptwitness add-log"
	case 1:
		return "1 log"
	}
	return fmt.Sprintf("%d logs", n)
}

// listen serves on the configured address, and returns it.
func (s *service) listen(ctx context.Context) (address string, err error) {
	srv := httpapi.NewServer(s.handler(s.config.BehindProxy), s.log)
	keeper, err := certificate.Secure(ctx, srv, s.flags.dir, s.config.TLS, s.log)
	if err != nil {
		return "", err
	}
	if keeper != nil {
		s.metrics.Certificate(keeper.NotAfter)
	}
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return "", exit.With(exit.Bad, err, "choose another address with --listen")
	}
	s.serve(l, srv)
	return l.Addr().String(), nil
}

// handler is the API for one listener, with a span of each request.
func (s *service) handler(forwarded bool) http.Handler {
	return tracing.Server(s.tracer, s.api.Handler(forwarded))
}

func (s *service) serve(l net.Listener, srv *http.Server) {
	s.servers = append(s.servers, srv)
	s.running.Go(func() {
		serve := srv.Serve
		if srv.TLSConfig != nil {
			serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.fail(fmt.Errorf("serve on %s: %w", l.Addr(), err))
		}
	})
}

func (s *service) fail(err error) {
	select {
	case s.failed <- err:
	default: // one failure is enough to stop
	}
}

// finish lets running requests end.
func (s *service) finish() error {
	if s.flags.addressFile != "" {
		defer os.Remove(s.flags.addressFile)
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	var err error
	for _, srv := range s.servers {
		if e := srv.Shutdown(ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("finish running requests: %w", e), srv.Close())
		}
	}
	return err
}

// cut ends all connections at once.
func (s *service) cut() error {
	var err error
	for _, srv := range s.servers {
		err = errors.Join(err, srv.Close())
	}
	return err
}
