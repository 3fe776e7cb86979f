package integration

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
)

// TestExportFromLog exports an organisation from a running log, as a security
// team would, and has the archive verified offline, as it is and altered.
func TestExportFromLog(t *testing.T) {
	ctx := background(t)
	is := newIssuer(t)
	k := newKeyed(t, is)
	key := newKey(t, k.Dir, "export", api.ScopeReceiptsExport)
	all := newKey(t, k.Dir, "all", api.ScopeReceiptsExport, api.ScopeReceiptsRead)
	k.Start()
	org := ""
	for i := range 5 {
		result, err := k.client("").Submit(ctx, is.Receipt(t, fmt.Sprint("run-", i)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Parse(result.Bundle)
		if err != nil {
			t.Fatal(err)
		}
		org = orgOf(b)
	}
	if _, err := k.client(k.operator).Erase(ctx, api.ErasureRequest{Org: org, RunID: "run-3", Legal: "GDPR Article 17", Asked: "case 31"}); err != nil {
		t.Fatal(err)
	}
	for gone := false; !gone; time.Sleep(10 * time.Millisecond) {
		_, err := k.client("").Receipt(ctx, "run-3", api.Only)
		gone = err != nil
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	policy := filepath.Join(k.Dir, "policy.txt")
	export := func(key string, args ...string) string {
		exit, out := tryRun(t, []string{"RECEIPTLOG_TOKEN=" + key}, "receiptctl", append([]string{"export", "--url", k.URL, "--org", org}, args...)...)
		if exit != 0 {
			t.Fatalf("exit %d: %s", exit, out)
		}
		return out
	}
	if out := export(key, "--policy", policy, "-o", file("procurement.zip")); !strings.Contains(out, "4 receipts packed, 1 absent") {
		t.Error(out)
	}
	export(all, "-o", file("raw.zip"))
	if exit, out := tryRun(t, []string{"RECEIPTLOG_TOKEN="}, "receiptctl", "export", "--url", k.URL, "--org", org, "-o", file("x.zip")); exit != 2 || !strings.Contains(out, "receipts:export") {
		t.Errorf("without a key: exit %d, %s", exit, out)
	}
	if exit, out := tryRun(t, []string{"RECEIPTLOG_TOKEN=" + k.auditor}, "receiptctl", "export", "--url", k.URL, "--org", org, "-o", file("x.zip")); exit != 1 || !strings.Contains(out, "forbidden") {
		t.Errorf("with a key that may not: exit %d, %s", exit, out)
	}
	if left, _ := filepath.Glob(file("x.zip*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	k.Stop() // from here on nobody is asked
	for _, name := range []string{"procurement.zip", "raw.zip"} {
		out := run(t, "receiptctl", "verify", file(name), "--policy", policy)
		for _, want := range []string{"4 of 4 verified", "entry 3: erased as entry 5 says; its proof is here", "\nverified"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in:\n%s", name, want, out)
			}
		}
	}
	for what, alter := range map[string]func(name string, data []byte) []byte{
		"statistics": func(name string, data []byte) []byte {
			if name == "statistics.json" {
				return bytes.Replace(data, []byte(`"receipts": 4`), []byte(`"receipts": 5`), 1)
			}
			return data
		},
		"an erasure's proof": func(name string, data []byte) []byte {
			if strings.HasPrefix(name, "erasures/") {
				return bytes.Replace(data, []byte("GDPR"), []byte("XDPR"), 1)
			}
			return data
		},
		"a receipt": func(name string, data []byte) []byte {
			if strings.HasPrefix(name, "receipts/") {
				return bytes.Replace(data, []byte("run-2"), []byte("run-9"), 1)
			}
			return data
		},
	} {
		rewriteArchive(t, file("raw.zip"), file("bad.zip"), alter)
		if exit, out := tryRun(t, nil, "receiptctl", "verify", file("bad.zip"), "--policy", policy); exit != 1 {
			t.Errorf("with %s altered: exit %d\n%s", what, exit, out)
		}
	}
}

// rewriteArchive copies an archive with altered files, and a manifest that says
// what a forger would have it say.
func rewriteArchive(t *testing.T, from, to string, alter func(name string, data []byte) []byte) {
	t.Helper()
	replaced := make(map[string]string) // hashes in the manifest
	copyArchive(t, from, to, func(name string, data []byte) (string, []byte) {
		changed := alter(name, bytes.Clone(data))
		if !bytes.Equal(changed, data) {
			replaced[fmt.Sprintf("%x", sha256.Sum256(data))] = fmt.Sprintf("%x", sha256.Sum256(changed))
		}
		if name == "manifest.json" {
			for old, new := range replaced {
				changed = bytes.ReplaceAll(changed, []byte(old), []byte(new))
			}
		}
		return name, changed
	})
	if len(replaced) == 0 {
		t.Fatal("nothing was altered")
	}
}

// renameInArchive copies an archive in which one file has another name, and is
// listed under it.
func renameInArchive(t *testing.T, from, to, old, new string) {
	t.Helper()
	renamed := false
	copyArchive(t, from, to, func(name string, data []byte) (string, []byte) {
		switch name {
		case old:
			name, renamed = new, true
		case "manifest.json":
			data = bytes.ReplaceAll(data, []byte(`"`+old+`"`), []byte(`"`+new+`"`))
		}
		return name, data
	})
	if !renamed {
		t.Fatalf("the archive has no %s", old)
	}
}

// copyArchive copies a zip file by file, each as what change makes of it.
func copyArchive(t *testing.T, from, to string, change func(name string, data []byte) (string, []byte)) {
	t.Helper()
	z, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		name, changed := change(f.Name, data)
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write(changed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
