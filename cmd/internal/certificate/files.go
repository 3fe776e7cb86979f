package certificate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// Files is the setting "tls": the files, relative to the program's directory, of a
// certificate with its chain and of its key, in PEM. Without them plain HTTP is
// served. They are read again when they have changed, and at SIGHUP.
type Files struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// Check says what is wrong with the setting.
func (f Files) Check() error {
	if (f.Cert == "") != (f.Key == "") {
		return errors.New("tls: cert and key go together")
	}
	return nil
}

// Secure gives a server its certificate, if one is configured, and looks after it
// until ctx ends; else it returns nil. SIGHUP ends the program in neither case.
func Secure(ctx context.Context, server *http.Server, dir string, f Files, logger *slog.Logger) (*Keeper, error) {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	if f.Cert == "" {
		return nil, nil
	}
	keeper, err := Load(within(dir, f.Cert), within(dir, f.Key), logger)
	if err != nil {
		return nil, exit.With(exit.Usage, err, "tls.cert is the certificate with its chain, tls.key its key, both in PEM")
	}
	server.TLSConfig = keeper.Config()
	go keeper.Watch(ctx, again)
	return keeper, nil
}

// within makes a path that is relative so to a directory.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
