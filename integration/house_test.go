// Package integration runs the real programs against each other and against
// independent ones. This file holds the import map: data flows one way.
package integration

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/armalo/receiptlog/"

// arrows says which of our own folders the files of a folder may import. The
// longest prefix that matches a package decides. Tests obey the same map.
var arrows = map[string][]string{
	"client":      {"client"},
	"storage":     {"storage", "client/tile"},
	"log":         {"log", "storage", "client"},
	"witness":     {"witness", "storage", "client"},
	"cmd":         {"cmd", "log", "witness", "storage", "client"},
	"integration": {"integration", "client"},
}

// impure lists what the verifier and the formats under it must not touch, and
// the packages of client that are not among them.
var (
	impure      = []string{"net", "net/http", "os", "os/exec", "syscall", "path/filepath", "io/ioutil"}
	mayBeImpure = []string{"client/api", "client/did/web", "client/audit", "client/outbound"}
	topLevel    = []string{".ci", ".git", ".gitignore", "LICENSE", "Makefile", "README.md", "client", "cmd", "go.mod", "go.sum", "integration", "log", "storage", "witness", "bin"}
	heavyFences = map[string][]string{
		"github.com/cockroachdb/pebble":         {"storage"},
		"github.com/transparency-dev/tessera":   {"storage", "log", "integration"},
		"github.com/oasisprotocol":              {"log/signature"},
		"github.com/spf13/cobra":                {"cmd"},
		"go.opentelemetry.io/otel/sdk":          {"cmd"},
		"github.com/santhosh-tekuri/jsonschema": {},
		"github.com/cyberphone":                 {},
	}
)

// within reports whether pkg is one of the folders or below it.
func within(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
}

// sources calls visit with the folder, the file name and the imports of every
// Go file of the project.
func sources(t *testing.T, visit func(folder, file string, imports []string)) {
	t.Helper()
	root := os.DirFS("..")
	seen := 0
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == "node_modules" || n == "testdata" || n == ".git" || n == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			imports = append(imports, p)
		}
		seen++
		visit(filepath.ToSlash(filepath.Dir(path)), path, imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("looked at %d files only: the walk is broken", seen)
	}
}

func TestImportArrows(t *testing.T) {
	sources(t, func(folder, file string, imports []string) {
		room, _, _ := strings.Cut(folder, "/")
		allowed, ok := arrows[room]
		if !ok {
			t.Errorf("%s: stands in no room of the house", file)
			return
		}
		for _, path := range imports {
			if ours, ok := strings.CutPrefix(path, module); ok && !within(ours, allowed) {
				t.Errorf("%s: %s may not import %s", file, room, ours)
			}
		}
	})
}

func TestClientIsPure(t *testing.T) {
	sources(t, func(folder, file string, imports []string) {
		if !within(folder, []string{"client"}) || within(folder, mayBeImpure) || strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, path := range imports {
			if slices.Contains(impure, path) || within(strings.TrimPrefix(path, module), mayBeImpure) {
				t.Errorf("%s: the verifier's layer may not import %s", file, path)
			}
		}
	})
}

func TestHeavyDependenciesAreFenced(t *testing.T) {
	sources(t, func(folder, file string, imports []string) {
		if strings.HasSuffix(file, "_test.go") {
			return // a test may hold our code against a peer's
		}
		for _, path := range imports {
			for heavy, folders := range heavyFences {
				if strings.HasPrefix(path, heavy) && !within(folder, folders) {
					t.Errorf("%s: %s is fenced into %v", file, heavy, folders)
				}
			}
		}
	})
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

// TestPagesNameWhatIsThere holds that tests and files named on our pages exist:
// a page that is not true to the code is worse than none.
func TestPagesNameWhatIsThere(t *testing.T) {
	tests := make(map[string]bool)
	files := make(map[string]bool)
	named := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	sources(t, func(folder, file string, _ []string) {
		files[file] = true
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
	})
	begins := func(prefix string) bool {
		for name := range tests {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}
	word := regexp.MustCompile("`(Test[A-Za-z0-9]+)(\\.\\.\\.)?`|`([a-z]+(?:/[a-z]+)*/[a-z_]+\\.go)`")
	for page, folder := range map[string]string{"README.md": "", "storage/DESIGN.md": "storage/"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		found := word.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s names no test and no file: is it read as it is written?", page)
		}
		for _, m := range found {
			switch {
			case m[3] != "" && !files[m[3]] && !files[folder+m[3]]:
				t.Errorf("%s names %s, which is not there", page, m[3])
			case m[1] != "" && m[2] == "" && !tests[m[1]], m[1] != "" && m[2] != "" && !begins(m[1]):
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}
