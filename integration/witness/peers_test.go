// Package witness runs the witness as a program beside real peers on loopback:
// a log run by Tessera's POSIX driver, litewitness, litebastion, and torchwood's
// verifier.
package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// peersVersion is the version of torchwood whose programs are the peers.
const peersVersion = "v0.10.0"

// programs is the folder with our programs, built from this very tree; peers is
// the one with litewitness and litebastion, installed from their module.
var programs, peers string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "receiptwitness-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs = dir
	if err = build(); err == nil {
		err = installPeers()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func build() error {
	return command("go", "build", "-o", programs+"/", "../../cmd/receiptwitness", "../../cmd/receiptlog", "../../cmd/receiptctl")
}

// installPeers installs the peers into bin/peers, unless they are there.
func installPeers() error {
	dir, err := filepath.Abs("../../bin/peers")
	if err != nil {
		return err
	}
	peers = dir
	for _, name := range []string{"litewitness", "litebastion"} {
		have, _ := exec.Command("go", "version", "-m", filepath.Join(dir, name)).Output()
		if bytes.Contains(have, []byte("filippo.io/torchwood\t"+peersVersion)) {
			continue
		}
		if err := command("env", "GOBIN="+dir, "go", "install", "filippo.io/torchwood/cmd/"+name+"@"+peersVersion); err != nil {
			return err
		}
	}
	return nil
}

func command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=auto", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// output collects what a program prints, while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is a program that runs in the background.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	out    *output
	exited chan struct{} // closed once err is set
	err    error
}

// start starts a program. It ends with the test at the latest.
func start(t testing.TB, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), out: new(output), exited: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.exited
}

// stop ends it as an operator does.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	select {
	case <-p.exited:
		if p.err != nil {
			p.t.Errorf("%s ended badly: %v\n%s", p.cmd.Path, p.err, p.out)
		}
	case <-time.After(30 * time.Second):
		p.t.Errorf("%s does not end\n%s", p.cmd.Path, p.out)
	}
}

// await waits until ok, while the program runs.
func (p *process) await(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); {
		select {
		case <-p.exited:
			p.t.Fatalf("%s ended while waiting for %s: %v\n%s", p.cmd.Path, what, p.err, p.out)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: no %s in time\n%s", p.cmd.Path, what, p.out)
		}
	}
}

// run runs a program to its end and returns what it printed.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// witness is a witness of any make.
type witness struct {
	*process
	name  string
	url   string
	vkeys []string
	dir   string
	add   func(origin string, vkeys ...string)
}

// ours makes and starts a receiptwitness. Further flags go to init.
func ours(t testing.TB, name string, flags ...string) *witness {
	t.Helper()
	w := &witness{name: name, dir: filepath.Join(t.TempDir(), "w")}
	program := filepath.Join(programs, "receiptwitness")
	run(t, program, append([]string{"init", "--dir", w.dir, "--name", name}, flags...)...)
	w.vkeys = strings.Fields(run(t, program, "keys", "list", "--dir", w.dir))
	w.add = func(origin string, vkeys ...string) {
		t.Helper()
		run(t, program, append([]string{"add-log", "--dir", w.dir, "--origin", origin}, vkeys...)...)
	}
	w.serve(t)
	return w
}

// serve starts the witness, again.
func (w *witness) serve(t testing.TB, flags ...string) {
	t.Helper()
	address := filepath.Join(t.TempDir(), "address")
	w.process = start(t, ".", filepath.Join(programs, "receiptwitness"),
		append([]string{"serve", "--dir", w.dir, "--listen", "127.0.0.1:0", "--address-file", address}, flags...)...)
	w.await("address", func() bool {
		raw, err := os.ReadFile(address)
		w.url = "http://" + strings.TrimSpace(string(raw))
		return err == nil
	})
}

// emptyRoot is the base64 of the root hash of the empty tree.
const emptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// foreign makes and starts a litewitness, with a key in an ssh-agent of its own
// and its SQLite file.
func foreign(t testing.TB, name string) *witness {
	t.Helper()
	dir := t.TempDir()
	key, socket := filepath.Join(dir, "key"), filepath.Join(dir, "s")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	agent := start(t, dir, "ssh-agent", "-D", "-a", socket)
	agent.await("socket", exists(socket))
	add := exec.Command("ssh-add", "-q", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
	fingerprint := strings.Fields(run(t, "ssh-keygen", "-lf", key+".pub"))[1]

	w := &witness{name: name, dir: dir, url: "http://" + freeAddress(t)}
	db := filepath.Join(dir, "db")
	w.process = start(t, dir, filepath.Join(peers, "litewitness"), "-name", name, "-db", db, "-ssh-agent", socket,
		"-key", fingerprint, "-listen", strings.TrimPrefix(w.url, "http://"))
	w.await("answer", func() bool {
		resp, err := http.Get(w.url + "/")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	vkey := regexp.MustCompile(`vkey="?(` + regexp.QuoteMeta(name) + `\+[^\s"]+)`).FindStringSubmatch(w.out.String())
	if vkey == nil {
		t.Fatalf("litewitness does not say its key\n%s", w.out)
	}
	w.vkeys = vkey[1:]
	// Its own tool cannot be built from the registry; this is what it does.
	w.add = func(origin string, vkeys ...string) {
		t.Helper()
		sql := fmt.Sprintf("PRAGMA busy_timeout=5000; INSERT INTO log VALUES ('%s', 0, '%s');", origin, emptyRoot)
		for _, vkey := range vkeys {
			sql += fmt.Sprintf("INSERT INTO key VALUES ('%s', '%s');", origin, vkey)
		}
		run(t, "sqlite3", db, sql)
	}
	return w
}

func exists(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

// freeAddress returns an address on loopback that was free a moment ago, for
// programs that cannot pick one themselves.
func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certificate makes a certificate for loopback in cert.pem and key.pem.
func certificate(t testing.TB, dir string) (cert, key string) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "loopback"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
