package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// files are a certificate and its key.
type files struct {
	t         *testing.T
	cert, key string
}

// write writes a certificate with that serial number and end; parts says which of
// the two files.
func (f files) write(serial int64, ends time.Time, parts string) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: ends, DNSNames: []string{"log.example"}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		f.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.t.Fatal(err)
	}
	for part, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if strings.Contains(parts, part) {
			if err := os.WriteFile(map[string]string{"cert": f.cert, "key": f.key}[part], pem.EncodeToMemory(block), 0o600); err != nil {
				f.t.Fatal(err)
			}
		}
	}
}

// dial connects and returns the connection and the serial number it was shown.
func dial(t *testing.T, address string) (*tls.Conn, int64) {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestReload(t *testing.T) {
	f := files{t, filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")}
	var said bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&said, nil))
	if _, err := Load(f.cert, f.key, logger); err == nil {
		t.Error("loaded what is not there")
	}
	year := time.Now().Add(365 * 24 * time.Hour)
	f.write(1, time.Now().Add(-time.Hour), "cert key")
	if _, err := Load(f.cert, f.key, logger); err == nil {
		t.Error("loaded what has ended")
	}
	f.write(1, year, "cert key")
	k, err := Load(f.cert, f.key, logger)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", k.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			go func(c net.Conn) { io.Copy(c, c); c.Close() }(c)
		}
	}()
	open, serial := dial(t, listener.Addr().String())
	want := func(serial int64, words string) {
		t.Helper()
		if _, got := dial(t, listener.Addr().String()); got != serial {
			t.Errorf("serves %d, want %d", got, serial)
		}
		if words == "" && said.Len() > 0 || !strings.Contains(said.String(), words) {
			t.Errorf("said %q, want %q", said.String(), words)
		}
		said.Reset()
	}
	if serial != 1 {
		t.Errorf("serves %d", serial)
	}
	k.reload(false)
	want(1, "")
	f.write(2, year, "cert") // the key is to come
	k.reload(false)
	want(1, "the one before stays")
	k.reload(false)
	want(1, "")
	k.reload(true)
	want(1, "the one before stays")
	f.write(3, year, "cert key")
	k.reload(false)
	want(3, "certificate loaded")
	if err := os.WriteFile(f.cert, make([]byte, maxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	k.reload(false)
	want(3, "the one before stays")
	if err := os.Remove(f.cert); err != nil {
		t.Fatal(err)
	}
	k.reload(false)
	want(3, "the one before stays")
	f.write(4, time.Now().Add(-time.Hour), "cert key")
	k.reload(false)
	want(3, "has ended")
	f.write(5, year, "cert key")
	k.reload(true)
	want(5, "certificate loaded")
	// Who was connected all the while still is.
	if _, err := open.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(open, make([]byte, 5)); err != nil || n != 5 {
		t.Errorf("a connection from before was dropped: %v", err)
	}
}
