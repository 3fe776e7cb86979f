package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json/v2"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
)

// metricsOf returns the samples that a server shows, and the label names of each
// metric.
func metricsOf(t *testing.T, c *http.Client, url string) map[string]map[string]bool {
	t.Helper()
	resp, err := c.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("metrics: status %d, %v", resp.StatusCode, err)
	}
	names := make(map[string]map[string]bool)
	sample := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-zA-Z_]+)="`)
	for line := range strings.Lines(string(text)) {
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if names[m[1]] == nil {
			names[m[1]] = map[string]bool{"job": true, "instance": true} // Prometheus adds these
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			names[m[1]][l[1]] = true
		}
	}
	return names
}

// promWords are the words of PromQL that the dashboard and the rules use.
var promWords = []string{"sum", "max", "min", "rate", "increase", "histogram_quantile", "by", "or"}

var (
	promGroup   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	promMatcher = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}`)
	promRange   = regexp.MustCompile(`\[[^\]]*\]`)
	promName    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	promLabel   = regexp.MustCompile(`([a-zA-Z_]+)\s*[=!]`)
)

// checkExpression holds an expression against what a server exports: every metric
// is there, and has the labels that are asked for.
func checkExpression(t *testing.T, where, expr string, exported map[string]map[string]bool) (metrics int) {
	t.Helper()
	expr = promRange.ReplaceAllString(expr, "")
	grouped := make(map[string]bool)
	for _, g := range promGroup.FindAllStringSubmatch(expr, -1) {
		for _, l := range promName.FindAllString(g[1], -1) {
			grouped[l] = true
		}
	}
	expr = promGroup.ReplaceAllString(expr, "")
	for _, m := range promMatcher.FindAllStringSubmatch(expr, -1) {
		for _, l := range promLabel.FindAllStringSubmatch(m[2], -1) {
			if exported[m[1]] != nil && !exported[m[1]][l[1]] {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
		}
	}
	expr = promMatcher.ReplaceAllString(expr, "$1")
	for _, name := range promName.FindAllString(expr, -1) {
		if slices.Contains(promWords, name) || regexp.MustCompile(`^[0-9eE]+$`).MatchString(name) {
			continue
		}
		metrics++
		if exported[name] == nil {
			t.Errorf("%s: no server exports %s", where, name)
		}
		for l := range grouped {
			if exported[name] != nil && !exported[name][l] {
				t.Errorf("%s: %s has no label %s", where, name, l)
			}
		}
	}
	return metrics
}

// witnessMetrics runs a witness with the server's certificate and a bastion that is
// away, and returns what it shows.
func (s *secureServer) witnessMetrics(c *http.Client) map[string]map[string]bool {
	s.t.Helper()
	t := s.t.(*testing.T)
	dir, address := filepath.Join(t.TempDir(), "w"), filepath.Join(t.TempDir(), "address")
	run(t, "receiptwitness", "init", "--dir", dir, "--name", "witness.example", "--bastion", "127.0.0.1:9")
	w := exec.Command(filepath.Join(programs, "receiptwitness"), "serve", "--dir", dir, "--listen", "127.0.0.1:0", "--address-file", address,
		"--tls-cert", s.certFile, "--tls-key", s.keyFile)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Process.Kill(); _ = w.Wait() }()
	var at []byte
	for end := time.Now().Add(30 * time.Second); len(at) == 0; time.Sleep(10 * time.Millisecond) {
		if at, _ = os.ReadFile(address); time.Now().After(end) {
			t.Fatal("the witness does not serve")
		}
	}
	url := "https://" + strings.TrimSpace(string(at))
	metricsOf(t, c, url) // so that there is a request to count
	return metricsOf(t, c, url)
}

// TestDashboardAndAlertsNameWhatIsExported loads the Grafana dashboard and the alert
// rules, and holds every expression in them against the metrics of a real server
// that has all it can have: TLS, a witness that is dead, and a webhook. Those for
// witnesses are held against a real witness.
func TestDashboardAndAlertsNameWhatIsExported(t *testing.T) {
	is := newIssuer(t)
	s, client := newSecureServer(t, is.DID)
	policy := filepath.Join(t.TempDir(), "policy.txt")
	_, witness, err := checkpoint.GenerateCosignatureEd25519("witness.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(policy, []byte("witness w1 "+witness+" http://127.0.0.1:9/\nquorum w1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RECEIPTLOG_WEBHOOKS_ALLOW_PRIVATE", "true")
	t.Setenv("RECEIPTLOG_TOKEN", newKey(t, s.Dir, "admin", api.ScopeAdmin))
	t.Setenv("SSL_CERT_FILE", s.certFile)
	s.StartSecure(client, "--policy", policy, "--fail-open")
	run(t, "receiptlog", "webhook", "add", "--url", s.URL, "--name", "dead", "--to", "http://127.0.0.1:9/", "--event", "receipt.logged")
	resp, err := client.Post(s.URL+api.RouteReceipts, api.MediaJSON, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp, err = client.Post(s.URL+api.RouteReceipts, api.MediaJSON, bytes.NewReader(is.Receipt(t, "run-1"))); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	exported := metricsOf(t, client, s.URL)
	maps.Copy(exported, s.witnessMetrics(client))
	exported["up"] = map[string]bool{"job": true, "instance": true} // Prometheus makes it

	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	text, err := os.ReadFile("../cmd/receiptlog/dashboard/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	if err := strict.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			n++
			if r.Alert == "" || r.Annotations["summary"] == "" || r.Labels["severity"] == "" || checkExpression(t, r.Alert, r.Expr, exported) == 0 {
				t.Errorf("rule %+v is incomplete", r)
			}
		}
	}
	if n < 12 {
		t.Errorf("%d rules", n)
	}

	var dashboard struct {
		Title  string `json:"title"`
		UID    string `json:"uid"`
		Schema int    `json:"schemaVersion"`
		Panels []struct {
			ID      int    `json:"id"`
			Title   string `json:"title"`
			Type    string `json:"type"`
			Targets []struct {
				Expr   string `json:"expr"`
				Legend string `json:"legendFormat"`
			} `json:"targets"`
			Grid struct {
				X, Y, W, H int
			} `json:"gridPos"`
		} `json:"panels"`
	}
	if text, err = os.ReadFile("../cmd/receiptlog/dashboard/grafana.json"); err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil || dashboard.Title == "" || dashboard.UID == "" || dashboard.Schema == 0 {
		t.Fatalf("dashboard: %v", err)
	}
	ids := make(map[int]bool)
	n = 0
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q has the id of another", p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			n++
			if checkExpression(t, p.Title, target.Expr, exported) == 0 {
				t.Errorf("panel %q shows nothing: %s", p.Title, target.Expr)
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
	}
	if n < 15 {
		t.Errorf("%d targets", n)
	}
}

// secureServer is a server with a certificate of its own.
type secureServer struct {
	*server
	certFile, keyFile string
}

// newSecureServer makes a log, a certificate, and a client that believes any.
func newSecureServer(t *testing.T, issuers ...string) (*secureServer, *http.Client) {
	t.Helper()
	dir := t.TempDir()
	s := &secureServer{newServer(t, issuers...), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	s.certify(1)
	return s, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

// certify writes a certificate with that serial number.
func (s *secureServer) certify(serial int64) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{s.certFile: {Type: "CERTIFICATE", Bytes: der}, s.keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// StartSecure serves over HTTPS, with the certificate from a flag and its key from a
// variable, and waits until it is ready.
func (s *secureServer) StartSecure(c *http.Client, flags ...string) {
	s.t.Helper()
	s.t.(*testing.T).Setenv("RECEIPTLOG_TLS_KEY", s.keyFile)
	s.client, s.scheme = c, "https"
	s.Start(append(flags, "--tls-cert", s.certFile)...)
}

// TestCertificateIsRenewed renews a certificate under a running server: SIGHUP takes
// it up, a bad one changes nothing, and who is connected stays so.
func TestCertificateIsRenewed(t *testing.T) {
	s, client := newSecureServer(t, newIssuer(t).DID)
	s.StartSecure(client)
	address := strings.TrimPrefix(s.URL, "https://")
	dial := func() *tls.Conn {
		t.Helper()
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	serial := func(c *tls.Conn) int64 { return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64() }
	before := dial()
	want := func(n int64) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if serial(dial()) == n {
				return
			}
		}
		t.Fatalf("certificate %d is not served\n%s", n, s.log)
	}
	s.certify(2)
	s.process.Process.Signal(syscall.SIGHUP)
	want(2)
	if err := os.WriteFile(s.certFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.process.Process.Signal(syscall.SIGHUP)
	time.Sleep(300 * time.Millisecond)
	want(2)
	if serial(before) != 1 {
		t.Errorf("certificate %d before", serial(before))
	}
	fmt.Fprintf(before, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(io.LimitReader(before, 12)); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Errorf("who was connected before gets %q, %v", answer, err)
	}
	s.Stop()
	if !strings.Contains(s.log.String(), "the one before stays") {
		t.Errorf("nothing is said about a bad certificate:\n%s", s.log)
	}
}

// TestTracesReachACollector runs a server with the variables of OpenTelemetry: the
// span of a request is in the trace of its caller, and names no run.
func TestTracesReachACollector(t *testing.T) {
	bodies := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	s := newServer(t, newIssuer(t).DID)
	s.Start()
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	req, err := http.NewRequest(http.MethodGet, s.URL+api.RunRoute("a-run-nobody-knows"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.Stop()
	close(bodies)
	all := ""
	for body := range bodies {
		all += body
	}
	if !strings.Contains(all, `"traceId":"`+traceID+`"`) || !strings.Contains(all, `"parentSpanId":"00f067aa0ba902b7"`) || !strings.Contains(all, `"GET receipt"`) || !strings.Contains(all, resp.Header.Get("X-Request-Id")) {
		t.Errorf("the collector got %.2000s", all)
	}
	if strings.Contains(all, "a-run-nobody-knows") {
		t.Error("a span names a run")
	}
}

// TestMoveALog is the runbook's move: a stopped log goes to another place with all of
// its directory, and is the same log there.
func TestMoveALog(t *testing.T) {
	is := newIssuer(t)
	s := newServer(t, is.DID)
	s.Start()
	c, err := api.New(s.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.Submit(t.Context(), is.Receipt(t, "run-before"))
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	there := filepath.Join(t.TempDir(), "there")
	if err := os.CopyFS(there, os.DirFS(s.Dir)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"log-ed25519.key", "log-mldsa44.key"} { // cp -a keeps modes
		if err := os.Chmod(filepath.Join(there, key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	policy := filepath.Join(s.Dir, "policy.txt")
	s.Dir = there
	s.Start()
	if c, err = api.New(s.URL, api.Options{}); err != nil {
		t.Fatal(err)
	}
	again, err := c.Submit(t.Context(), is.Receipt(t, "run-before"))
	if err != nil || again.Index != before.Index || !again.Duplicate {
		t.Errorf("%+v, %v", again, err)
	}
	after, err := c.Submit(t.Context(), is.Receipt(t, "run-after"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bundle.json")
	if err := os.WriteFile(file, after.Bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "receiptctl", "verify", file, "--policy", policy)
}
