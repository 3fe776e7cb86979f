package witness

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/armalo/receiptlog/client/api"
)

// tracedSpan is what a test looks at of a span, and which program made it.
type tracedSpan struct {
	program      string
	TraceID      string `json:"traceId"`
	SpanID       string `json:"spanId"`
	ParentSpanID string `json:"parentSpanId"`
	Name         string `json:"name"`
	Links        []struct {
		TraceID string `json:"traceId"`
	} `json:"links"`
}

// collector takes the traces of all programs that are started after it.
type collector struct {
	t  *testing.T
	mu sync.Mutex
	// spans of programs that have ended are all here.
	spans []tracedSpan
}

func newCollector(t *testing.T) *collector {
	c := &collector{t: t}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return c
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var sent struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []struct {
					Key   string `json:"key"`
					Value struct {
						String string `json:"stringValue"`
					} `json:"value"`
				} `json:"attributes"`
			} `json:"resource"`
			ScopeSpans []struct {
				Spans []tracedSpan `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	}
	if err := json.UnmarshalRead(r.Body, &sent); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, from := range sent.ResourceSpans {
		program := ""
		for _, a := range from.Resource.Attributes {
			if a.Key == "service.name" {
				program = a.Value.String
			}
		}
		for _, scope := range from.ScopeSpans {
			for _, s := range scope.Spans {
				s.program = program
				c.spans = append(c.spans, s)
			}
		}
	}
}

// one returns a span of that program and name in a trace.
func (c *collector) one(trace, program, name string) tracedSpan {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.spans, func(s tracedSpan) bool { return s.TraceID == trace && s.program == program && s.Name == name })
	if i < 0 {
		c.t.Fatalf("%s made no span %q in trace %s:\n%+v", program, name, trace, c.spans)
	}
	return c.spans[i]
}

// TestASlowSubmitIsExplained follows a submission through its trace: from the
// request over its steps to the publication that it waited for, and from there to the
// witness, which serves HTTPS.
func TestASlowSubmitIsExplained(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	t.Setenv("SSL_CERT_FILE", cert) // which the log believes
	c := newCollector(t)
	w := ours(t, "witness.example/traced")
	w.stop()
	w.serve(t, "--tls-cert", cert, "--tls-key", key)
	w.url = strings.Replace(w.url, "http://", "https://", 1)
	l := newOurLog(t, "log.example/traced", 1, w)
	l.serve()

	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	req, err := http.NewRequest(http.MethodPost, l.url+api.RouteReceipts, bytes.NewReader(l.receipt("run-traced")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", api.MediaCredential)
	req.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
	l.stop()
	w.stop()

	request := c.one(trace, "receiptlog", "POST submit")
	for _, name := range []string{"take in", "sequence", "await publication", "prove"} {
		if s := c.one(trace, "receiptlog", name); s.ParentSpanID != request.SpanID {
			t.Errorf("%s is a step of %s, want of the request, %s", name, s.ParentSpanID, request.SpanID)
		}
	}
	wait := c.one(trace, "receiptlog", "await publication")
	if len(wait.Links) != 1 {
		t.Fatalf("it does not say for which publication it waited: %+v", wait)
	}
	made := wait.Links[0].TraceID
	publish := c.one(made, "receiptlog", "publish")
	for _, name := range []string{"sign", "cosign", "store"} {
		if s := c.one(made, "receiptlog", name); s.ParentSpanID != publish.SpanID {
			t.Errorf("%s is no step of publishing: %+v", name, s)
		}
	}
	asked := c.one(made, "receiptlog", "ask witness")
	if asked.ParentSpanID != c.one(made, "receiptlog", "cosign").SpanID {
		t.Errorf("asking is no step of cosigning: %+v", asked)
	}
	if s := c.one(made, "receiptwitness", "POST /add-checkpoint"); s.ParentSpanID != asked.SpanID {
		t.Errorf("the witness does not answer in the trace of the log: %+v", s)
	}
	for _, s := range c.spans {
		if strings.Contains(fmt.Sprint(s), "run-traced") {
			t.Errorf("a span names a run: %+v", s)
		}
	}
}

// TestWitnessCertificateIsRenewed renews the certificate of a running witness, which
// says when it ends.
func TestWitnessCertificateIsRenewed(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	w := ours(t, "witness.example/renewed")
	w.stop()
	w.serve(t, "--tls-cert", cert, "--tls-key", key)
	address := strings.TrimPrefix(w.url, "http://")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get("https://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !bytes.Contains(text, []byte("\nreceiptwitness_tls_ends_seconds 3")) {
		t.Errorf("metrics do not say when the certificate ends: %v", err)
	}
	if resp.Header.Get("X-Request-Id") == "" {
		t.Error("the request has no name")
	}
	shown := func() *x509.Certificate {
		t.Helper()
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0]
	}
	before := shown()
	certificate(t, dir) // over it
	if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	w.await("the new certificate", func() bool { return !shown().Equal(before) })
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	w.await("word of a bad one", func() bool { return strings.Contains(w.out.String(), "the one before stays") })
	shown()
	w.stop()
}
