// Package bastion lets a witness be reached without an open port: it connects out
// to a C2SP https-bastion and serves HTTP/2 on that connection. The bastion then
// passes on what it gets at https://<bastion>/<hash of our key>/.
//
// The bastion knows us by an Ed25519 key of its own kind, not by a witness key. It
// can withhold, see and change requests and answers. That is no worse than the
// network: checkpoints and cosignatures are signed.
package bastion

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// protocol is what both sides agree on in the handshake. SPEC https-bastion: "the
// ALPN protocol bastion/0".
const protocol = "bastion/0"

// Options say how to connect.
type Options struct {
	// Handler serves the requests. Clients are told apart by X-Forwarded-For, of
	// which a bastion sends exactly one.
	Handler http.Handler

	// Key is the backend's key.
	Key ed25519.PrivateKey

	// Roots are the authorities that may vouch for the bastion; nil means the
	// system's.
	Roots *x509.CertPool

	// Connected is told when a connection begins to serve and when it ends. It may
	// be called concurrently for different addresses.
	Connected func(addr string, up bool)

	// Logger gets what the operator should know.
	Logger *slog.Logger
}

// PathOf returns the first segment of the path under which a bastion serves the
// backend with that key. SPEC https-bastion: "a lowercase hex-encoded SHA-256 hash
// of a 32-byte Ed25519 public key".
func PathOf(key ed25519.PublicKey) string {
	h := sha256.Sum256(key)
	return hex.EncodeToString(h[:])
}

// Times of a connection.
const (
	dialTimeout    = 10 * time.Second
	pingAfter      = 30 * time.Second // without a frame, to notice a dead peer
	pingTimeout    = 15 * time.Second
	requestTimeout = 10 * time.Second // to read a request, and to write an answer
	retryFirst     = 250 * time.Millisecond
	retryLast      = time.Minute
	steady         = time.Minute // a connection that lasts so long was good
)

// Serve keeps a connection to the bastion at addr (host:port) and serves on it
// until ctx ends; then it lets running requests finish. It tries again for ever,
// ever more slowly while it fails.
func Serve(ctx context.Context, addr string, o Options) error {
	cert, err := selfSigned(o.Key)
	if err != nil {
		return fmt.Errorf("make bastion certificate: %w", err)
	}
	retry := retryFirst
	for {
		began := time.Now()
		err := serveOnce(ctx, addr, cert, o)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > steady {
			retry = retryFirst
		}
		o.Logger.Warn("bastion connection ended", "bastion", addr, "err", err, "retry", retry)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
		retry = min(2*retry, retryLast)
	}
}

// serveOnce connects and serves until the connection or ctx ends.
func serveOnce(ctx context.Context, addr string, cert tls.Certificate, o Options) error {
	conn, err := dial(ctx, addr, cert, o.Roots)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	l := &oneConn{conn: &plain{Conn: conn, closed: ended}, closed: ended}
	srv := newServer(o)
	stop := context.AfterFunc(ctx, func() { shutdown(srv) })
	defer stop()

	o.Logger.Info("connected to bastion", "bastion", addr)
	o.Connected(addr, true)
	defer o.Connected(addr, false)
	err = srv.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		<-ended
		return nil
	}
	return err
}

func dial(ctx context.Context, addr string, cert tls.Certificate, roots *x509.CertPool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{
		Certificates: []tls.Certificate{cert},
		RootCAs:      roots,
		// SPEC https-bastion: "Other TLS versions MUST be rejected".
		MinVersion: tls.VersionTLS13,
		MaxVersion: tls.VersionTLS13,
		NextProtos: []string{protocol},
	}}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to bastion: %w", err)
	}
	if got := conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != protocol {
		return nil, errors.Join(fmt.Errorf("connect to bastion: it speaks %q, not %q", got, protocol), conn.Close())
	}
	return conn, nil
}

// newServer returns a server that speaks HTTP/2 only, from the first byte on.
func newServer(o Options) *http.Server {
	srv := &http.Server{
		Handler:      o.Handler,
		ReadTimeout:  requestTimeout,
		WriteTimeout: requestTimeout,
		ErrorLog:     slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		Protocols:    new(http.Protocols),
		HTTP2:        &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		// An idle connection stays: that is what a bastion is for.
		IdleTimeout: 365 * 24 * time.Hour,
	}
	srv.Protocols.SetUnencryptedHTTP2(true)
	return srv
}

func shutdown(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close() // whoever has not finished by now is cut off
	}
}

// plain hides from the HTTP server that the connection is TLS: the server would
// look for "h2" in a handshake that has long agreed on bastion/0.
type plain struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *plain) Close() error {
	defer p.once.Do(func() { close(p.closed) })
	return p.Conn.Close()
}

// oneConn is a listener for one connection. Its second Accept waits for the end of
// the first.
type oneConn struct {
	mu     sync.Mutex
	conn   net.Conn // nil once accepted
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	conn := l.conn
	l.conn = nil
	l.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// certificateLife is how long a certificate is valid. A process makes its own at
// start, and bastions look at its key only.
const certificateLife = 10 * 365 * 24 * time.Hour

// selfSigned returns a certificate for key. SPEC https-bastion: "an Ed25519
// certificate containing the backend public key", which may be self-signed.
func selfSigned(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "receiptwitness"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
