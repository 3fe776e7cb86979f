package procurement

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/verdict"
)

// sample returns a bundle of the right form; nothing here verifies.
func sample(index uint64) *bundle.Bundle {
	return &bundle.Bundle{
		Receipt: fmt.Appendf(nil, `{"id":"urn:run:%d"}`, index), Entry: []byte(`{"kind":"receipt"}`), Salt: [32]byte{1, byte(index)}, Index: index,
		Hashes: [][32]byte{{2}, {byte(index)}}, Checkpoint: []byte("log.example/x\n9\n" + strings.Repeat("A", 43) + "=\n\n— log.example/x c2lnbmF0dXJl\n"),
		Issuer: &bundle.IssuerEvidence{Entry: []byte(`{"kind":"issuer"}`), Index: 0, Hashes: [][32]byte{{3}}},
	}
}

func write(t testing.TB, bundles ...*bundle.Bundle) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf, "organisation acme")
	for _, b := range bundles {
		if err := w.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	w.Absent(Absence{Index: new(uint64(7)), Why: "erased"})
	if err := w.AddFile("report.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func open(data []byte) (*Archive, error) { return Open(bytes.NewReader(data), int64(len(data))) }

// all reads every receipt of an archive, in order.
func all(a *Archive) (out []Receipt) {
	for _, path := range a.Files() {
		for _, r := range a.Receipts(path) {
			out = append(out, r)
		}
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	alone := sample(5)
	alone.Issuer, alone.Hashes = nil, nil
	bundles := []*bundle.Bundle{sample(1), sample(2), alone}
	data := write(t, bundles...)
	if !bytes.Equal(data, write(t, bundles...)) {
		t.Error("the same bundles made another archive")
	}
	a, err := open(data)
	if err != nil {
		t.Fatal(err)
	}
	got := all(a)
	for i, want := range bundles {
		if got[i].Err != nil || !bytes.Equal(got[i].Bundle.Marshal(), want.Marshal()) {
			t.Errorf("receipt %d: %v", i, got[i].Err)
		}
	}
	var paths []string
	for _, f := range a.Manifest().Files {
		paths = append(paths, strings.SplitN(f.Path, "/", 2)[0])
	}
	want := []string{"checkpoints", "issuers", "receipts", "report.json", "README.txt"}
	if !slices.Equal(paths, want) || len(got) != 3 || a.Manifest().Absent[0].Why != "erased" {
		t.Errorf("files %v", paths)
	}
	readme, err := a.File("README.txt", 1<<16)
	if err != nil || !strings.Contains(string(readme), "organisation acme") || !strings.Contains(string(readme), "report.json") {
		t.Errorf("%v: %s", err, readme)
	}
	for line := range strings.Lines(string(readme)) {
		if len(line) > 90 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
}

func TestWriterKeepsOneOrder(t *testing.T) {
	for _, second := range []uint64{3, 2} {
		w := NewWriter(io.Discard, "x")
		if err := w.Add(sample(3)); err != nil {
			t.Fatal(err)
		}
		if err := w.Add(sample(second)); err == nil || w.Close() == nil {
			t.Errorf("entry %d after 3: %v", second, err)
		}
	}
	for _, name := range []string{"", "a/b", "../x", "manifest.json", "README.txt", ".x", "a b"} {
		if err := NewWriter(io.Discard, "x").AddFile(name, nil); err == nil {
			t.Errorf("a file %q was added", name)
		}
	}
}

// rewrite makes an archive again with files changed: change returns the new
// content, nil to leave the file out.
func rewrite(t testing.TB, data []byte, change func(name string, data []byte) []byte, extra ...string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	out := zip.NewWriter(&buf)
	put := func(name string, data []byte) {
		if data == nil {
			return
		}
		w, err := out.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		put(f.Name, change(f.Name, content))
	}
	for _, name := range extra {
		put(name, []byte("x"))
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestTamperingIsNoticed(t *testing.T) {
	good := write(t, sample(1), sample(2))
	same := func(_ string, data []byte) []byte { return data }
	replace := func(in, old, new string) func(string, []byte) []byte {
		return func(name string, data []byte) []byte {
			if strings.HasPrefix(name, in) {
				return bytes.Replace(data, []byte(old), []byte(new), 1)
			}
			return data
		}
	}
	drop := func(prefix string) func(string, []byte) []byte {
		return func(name string, data []byte) []byte {
			if strings.HasPrefix(name, prefix) {
				return nil
			}
			return data
		}
	}
	if a, err := open(rewrite(t, good, same)); err != nil || len(all(a)) != 2 {
		t.Fatalf("an archive that was packed again: %v", err)
	}
	for name, data := range map[string][]byte{
		"a file more":                 rewrite(t, good, same, "evil.txt"),
		"a file twice":                rewrite(t, good, same, "README.txt"),
		"a receipt less":              rewrite(t, good, drop("receipts/")),
		"no manifest":                 rewrite(t, good, drop("manifest.json")),
		"another size":                rewrite(t, good, replace("README", "Build", "Build ")),
		"another version":             rewrite(t, good, replace("manifest", Version, "x")),
		"an unknown member":           rewrite(t, good, replace("manifest", `"scope"`, `"x":1,"scope"`)),
		"a path that leads elsewhere": rewrite(t, good, replace("manifest", `"report.json"`, `"../../r.js"`)),
		"no zip":                      []byte("PK\x03\x04 but no more"),
		"cut short":                   good[:len(good)-10],
		"a size of less than nothing": rewrite(t, good, replace("manifest", `"bytes": 2,`, `"bytes": -2,`)),
		"a hash that is none":         rewrite(t, good, replace("manifest", `"sha256": "`, `"sha256": "Z`)),
		"a file listed and not there": rewrite(t, good, drop("report.json")),
		"a manifest that is no object": rewrite(t, good, func(name string, data []byte) []byte {
			return map[bool][]byte{true: []byte("[]"), false: data}[name == manifestName]
		}),
	} {
		if a, err := open(data); err == nil {
			t.Errorf("%s: opened, with %d receipts", name, len(all(a)))
		} else if verdict.CodeOf(err) == verdict.Internal {
			t.Errorf("%s: an error without a code: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"receipt":    rewrite(t, good, replace("receipts/", "urn:run:1", "urn:run:9")),
		"checkpoint": rewrite(t, good, replace("checkpoints/", "log.example", "log.exampla")),
		"issuer":     rewrite(t, good, replace("issuers/", `"issuer"`, `"issues"`)),
	} {
		a, err := open(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := all(a); verdict.CodeOf(got[0].Err) != verdict.Malformed {
			t.Errorf("%s altered: %v", name, got[0].Err)
		}
	}
}

func TestManyCheckpointsAreNotAllKept(t *testing.T) {
	var bundles []*bundle.Bundle
	for i := range uint64(maxShared + 50) {
		b := sample(i)
		b.Checkpoint = fmt.Appendf(nil, "log.example/x\n%d\n%s=\n\n— log.example/x c2lnbmF0dXJl\n", i+1, strings.Repeat("A", 43))
		b.Issuer = nil
		bundles = append(bundles, b)
	}
	a, err := open(write(t, bundles...))
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for range 2 {
		for i, got := range all(a) {
			if got.Err != nil || !bytes.Equal(got.Bundle.Checkpoint, bundles[i].Checkpoint) {
				t.Fatalf("receipt %d: %v", i, got.Err)
			}
		}
	}
	if want := (len(bundles) + chunkLines - 1) / chunkLines; len(a.Files()) != want {
		t.Errorf("%d files of receipts, want %d", len(a.Files()), want)
	}
	a.shared.Range(func(any, any) bool { kept++; return true })
	if kept != maxShared {
		t.Errorf("%d kept", kept)
	}
}

func FuzzOpen(f *testing.F) {
	good := write(f, sample(1), sample(2))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(rewrite(f, good, func(_ string, data []byte) []byte { return data }, "x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := open(data)
		if err != nil {
			if verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if _, err := a.Retention(); err != nil && verdict.CodeOf(err) == verdict.Internal {
			t.Fatalf("error without a code: %v", err)
		}
		for _, r := range all(a) {
			if r.Err != nil && verdict.CodeOf(r.Err) == verdict.Internal {
				t.Fatalf("error without a code: %v", r.Err)
			}
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	m := &Manifest{Archive: Version, Absent: []Absence{}, Files: []File{{"a/b.json", 3, strings.Repeat("ab", 32)}}}
	data, err := m.marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte("a/b"), []byte("a/../b"), 1))
	f.Add(bytes.Replace(data, []byte("a/b.json"), []byte("0.."), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !fs.ValidPath(file.Path) || strings.HasSuffix(file.Path, ".") || strings.Contains(file.Path, `\`) {
				t.Errorf("accepted the path %q", file.Path)
			}
		}
	})
}

func FuzzParsePart(f *testing.F) {
	f.Add([]byte(`{"checkpoint":"c","entry":{},"inclusion":[],"index":1,"salt":""}`))
	f.Add([]byte(`{"entry":{},"inclusion":["x"],"index":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []any{new(line), new(issuerPart), new(Governing)} {
			if err := parsePart("x", data, maxLineBytes, into); err != nil && verdict.CodeOf(err) == verdict.Internal {
				t.Fatalf("error without a code: %v", err)
			}
		}
	})
}
