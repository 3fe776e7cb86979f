// Package certificate serves TLS with a certificate from files that somebody else
// renews, while the server runs.
//
// The files are read again when they have changed, looked for every ten seconds,
// and when the operator says so by SIGHUP. New connections get the new
// certificate; those that are open stay as they are. Files that cannot be used, as
// when one of the two is written and the other not yet, change nothing: the
// certificate before stays, it is said once in the log, and looked at again.
package certificate

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/cmd/internal/durable"
)

const (
	// pollEvery is how often the files are looked at.
	pollEvery = 10 * time.Second
	// maxFileBytes bounds a file: a chain of some certificates has 10 KB.
	maxFileBytes = 1 << 20
)

// Keeper holds the certificate that is served. It is safe for concurrent use.
type Keeper struct {
	cert, key string // files
	logger    *slog.Logger
	current   atomic.Pointer[tls.Certificate]
	last      [sha256.Size]byte // of the files as they were read last, by Watch only
}

// Load reads the certificate and its chain, and its key, both in PEM.
func Load(cert, key string, logger *slog.Logger) (*Keeper, error) {
	k := &Keeper{cert: cert, key: key, logger: logger}
	c, sum, err := k.read()
	if err != nil {
		return nil, err
	}
	k.last = sum
	k.current.Store(c)
	return k, nil
}

// Config returns the configuration of a server with this certificate.
func (k *Keeper) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return k.current.Load(), nil
		},
	}
}

// NotAfter is when the certificate that is served ends.
func (k *Keeper) NotAfter() time.Time { return k.current.Load().Leaf.NotAfter }

// Watch reads the files again until ctx ends, when they have changed or something
// is received.
func (k *Keeper) Watch(ctx context.Context, again <-chan os.Signal) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.reload(false)
		case <-again:
			k.reload(true)
		}
	}
}

// reload takes up the files if they can be used, and says so, or why not. What it
// said of the very same files it says again only if it was asked.
func (k *Keeper) reload(asked bool) {
	c, sum, err := k.read()
	if sum == k.last && !asked {
		return
	}
	k.last = sum
	if err != nil {
		k.logger.Error("the new certificate cannot be used; the one before stays", "ends", k.NotAfter(), "error", err)
		return
	}
	k.current.Store(c)
	k.logger.Info("certificate loaded", "file", k.cert, "ends", c.Leaf.NotAfter)
}

// read reads the files and a hash of what they hold, which is there with most
// errors too.
func (k *Keeper) read() (c *tls.Certificate, sum [sha256.Size]byte, err error) {
	cert, err1 := readFile(k.cert)
	key, err2 := readFile(k.key)
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %v %v\n", len(cert), len(key), err1, err2)
	h.Write(cert)
	h.Write(key)
	h.Sum(sum[:0])
	if err := errors.Join(err1, err2); err != nil {
		return nil, sum, fmt.Errorf("read certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, sum, fmt.Errorf("certificate %s and key %s: %w", k.cert, k.key, err)
	}
	if ends := pair.Leaf.NotAfter; time.Now().After(ends) {
		return nil, sum, fmt.Errorf("certificate %s has ended at %s", k.cert, ends.Format(time.RFC3339))
	}
	return &pair, sum, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written
	return durable.ReadAtMost(f, path, maxFileBytes)
}
