package api

import (
	"crypto/sha256"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
)

func TestLineWire(t *testing.T) {
	for _, tt := range []struct {
		name string
		line Line
		want string
	}{
		{"result", Line{Line: 1, Status: 201, SubmitResult: &SubmitResult{Index: 0, ReceiptHash: "ab", Bundle: jsontext.Value(`{"v":1}`)}},
			`{"line":1,"status":201,"index":0,"duplicate":false,"receiptHash":"ab","bundle":{"v":1}}`},
		{"sequenced", Line{Line: 2, Status: 202, SubmitResult: &SubmitResult{Index: 7, RunID: "r", ReceiptHash: "ab"}},
			`{"line":2,"status":202,"index":7,"duplicate":false,"runId":"r","receiptHash":"ab"}`},
		{"error", Line{Line: 3, Status: 400, Error: NewProblem(400, verdict.Malformed, "line 3", "not JSON")},
			`{"line":3,"status":400,"error":{"type":"https://armalo.ai/ns/receiptlog/problems/malformed","title":"The request is not well-formed","status":400,"detail":"not JSON","code":"malformed","path":"line 3"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Fatalf("got  %s\nwant %s", got, tt.want)
			}
			var back Line
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if (back.SubmitResult == nil) != (tt.line.SubmitResult == nil) || (back.Error == nil) != (tt.line.Error == nil) {
				t.Errorf("came back as %+v", back)
			}
		})
	}
}

func TestDiffForms(t *testing.T) {
	sum := sha256.Sum256([]byte("diff\n"))
	for _, in := range []string{
		`{"receipt":{},"diff":"diff\n"}`,
		`{"receipt":{},"diff":{"base64":"ZGlmZgo="}}`,
		`{"receipt":{},"diff":{"sha256":"` + hexOf(sum) + `"}}`,
	} {
		var req VerifyRequest
		if err := json.Unmarshal([]byte(in), &req); err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		if req.Diff == nil || req.Diff.Sum() != sum {
			t.Errorf("%s: wrong sum", in)
		}
	}
	for _, in := range []string{`7`, `{}`, `[]`, `{"sha256":"AB"}`, `{"base64":"a"}`, `{"base64":"ZGlmZgo=","sha256":"` + hexOf(sum) + `"}`, `{"md5":""}`,
		`{"sha256":"` + strings.ToUpper(hexOf(sum)) + `"}`} {
		var req VerifyRequest
		err := json.Unmarshal([]byte(`{"receipt":{},"diff":`+in+`}`), &req)
		if verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("%s: got %v, want malformed", in, err)
		}
	}
}

func TestDiffRoundTrip(t *testing.T) {
	got, err := json.Marshal(VerifyRequest{Receipt: jsontext.Value(`{}`), Diff: DiffOf([]byte("x"))})
	if err != nil {
		t.Fatal(err)
	}
	var back VerifyRequest
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if back.Diff.Sum() != sha256.Sum256([]byte("x")) || len(back.Bundle) != 0 {
		t.Errorf("came back as %s", got)
	}
}

func TestRunRouteIsOneSegment(t *testing.T) {
	for runID, want := range map[string]string{
		"run-1":  "/run-1",
		"a/b":    "/a%2Fb",
		"..":     "/%2E%2E",
		"a b+c?": "/a%20b%2Bc%3F",
	} {
		if got := RunRoute(runID); got != RouteReceipts+want {
			t.Errorf("RunRoute(%q) = %s", runID, got)
		}
	}
}

func TestProblemSaysWhatAndWhere(t *testing.T) {
	p := NewProblem(422, verdict.SchemaInvalid, "issuer", "must be a DID")
	if got, want := p.Error(), "issuer: must be a DID (schema_invalid)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := NewProblem(503, CodeOverloaded, "", "").Error(); got != "The log is busy (overloaded)" {
		t.Errorf("got %q", got)
	}
}

func hexOf(sum [32]byte) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range sum {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
