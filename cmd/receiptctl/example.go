package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/example"
)

// writeExample writes the files of the example into a folder. It overwrites
// none: all of them are looked for before the first is written.
func writeExample(stdout io.Writer, dir string) error {
	names, err := fs.Glob(example.Files, "*")
	if err != nil {
		return err
	}
	for _, name := range names {
		if target := filepath.Join(dir, name); exists(target) {
			return exit.With(exit.Usage, fmt.Errorf("%s exists already", target), "nothing was written; choose another folder")
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write example: %w", err)
	}
	for _, name := range names {
		data, err := example.Files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := writeNew(stdout, filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	build := filepath.Join(dir, example.Build)
	fmt.Fprintf(stdout, "wrote %s, and beside it the documents it names\n", build)
	fmt.Fprintf(stdout, "next: receiptctl issue --key issuer.key --in %s --repo . -o receipt.json\n", build)
	return nil
}

// inDraft turns a place in a receipt into the place in the draft.
func inDraft(path string) string {
	return strings.TrimPrefix(path, "credentialSubject.build.")
}

// counted says "1 file", "2 files".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
