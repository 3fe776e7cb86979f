package bastion

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// playedBastion accepts one backend after another on loopback.
type playedBastion struct {
	t     *testing.T
	l     net.Listener
	roots *x509.CertPool
	proto []string
}

func newBastion(t *testing.T, protocols ...string) *playedBastion {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bastion"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	b := &playedBastion{t: t, roots: x509.NewCertPool()}
	b.roots.AddCert(cert)
	b.l, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		ClientAuth:   tls.RequireAnyClientCert,
		MinVersion:   tls.VersionTLS13,
		NextProtos:   protocols,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.l.Close() })
	return b
}

// accept returns the next backend: a client that speaks HTTP/2 to it, its key and
// its connection.
func (b *playedBastion) accept() (*http.Client, ed25519.PublicKey, net.Conn) {
	conn, err := b.l.Accept()
	if err != nil {
		b.t.Fatal(err)
	}
	tlsConn := conn.(*tls.Conn)
	if err := tlsConn.Handshake(); err != nil {
		b.t.Fatal(err)
	}
	key := tlsConn.ConnectionState().PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	type hidden struct{ net.Conn }
	return &http.Client{Transport: &http.Transport{
		Protocols:   protocols,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return hidden{conn}, nil },
	}}, key, conn
}

// watched is how the connection went, as the witness is told.
type watched struct {
	mu sync.Mutex
	up []bool
}

func (w *watched) connected(_ string, up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = append(w.up, up)
}

func start(t *testing.T, b *playedBastion, h http.Handler) (key ed25519.PublicKey, w *watched, stop func() error) {
	key, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w = new(watched)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, b.l.Addr().String(), Options{
			Handler: h, Key: private, Roots: b.roots, Connected: w.connected, Logger: slog.New(slog.DiscardHandler),
		})
	}()
	return key, w, func() error { cancel(); return <-ended }
}

func echo(rw http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(rw, "%s %s for %s", r.Proto, r.URL.Path, r.Header.Get("X-Forwarded-For"))
}

func TestServe(t *testing.T) {
	b := newBastion(t, protocol)
	key, w, stop := start(t, b, http.HandlerFunc(echo))
	for range 2 { // it comes again when the connection is lost
		client, got, conn := b.accept()
		if !got.Equal(key) {
			t.Error("the backend shows another key")
		}
		for range 3 {
			req, _ := http.NewRequest("POST", "http://backend/add-checkpoint", strings.NewReader("x"))
			req.Header.Set("X-Forwarded-For", "192.0.2.1")
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			if string(body) != "HTTP/2.0 /add-checkpoint for 192.0.2.1" {
				t.Errorf("the backend got %q", body)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(w.up[:4]) != "[true false true false]" {
		t.Errorf("it was told %v", w.up)
	}
}

// TestStopFinishesRequests: what runs when the witness stops is answered.
func TestStopFinishesRequests(t *testing.T) {
	b := newBastion(t, protocol)
	entered, leave := make(chan struct{}), make(chan struct{})
	_, _, stop := start(t, b, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		fmt.Fprint(rw, "late")
	}))
	client, _, _ := b.accept()
	answer := make(chan string, 1)
	go func() {
		resp, err := client.Get("http://backend/")
		if err != nil {
			answer <- err.Error()
			return
		}
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	time.Sleep(50 * time.Millisecond) // so that the stop is under way
	close(leave)
	if got := <-answer; got != "late" {
		t.Errorf("got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestNotABastion(t *testing.T) {
	for name, protocols := range map[string][]string{"another protocol": {"h2"}, "none": nil} {
		b := newBastion(t, protocols...)
		go func() {
			for {
				conn, err := b.l.Accept()
				if err != nil {
					return
				}
				_ = conn.(*tls.Conn).Handshake() // it fails as the test wants
				_ = conn.Close()
			}
		}()
		_, w, stop := start(t, b, http.HandlerFunc(echo))
		time.Sleep(100 * time.Millisecond)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if len(w.up) != 0 {
			t.Errorf("%s: it connected", name)
		}
	}
}
