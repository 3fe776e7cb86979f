package commit

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/receipt"
)

func (r *Repository) files(ctx context.Context, base, head string) ([]receipt.File, error) {
	var out limitedBuffer
	err := r.isolated(ctx, &out, "diff-tree", "-r", "-z", "--name-status", "--no-renames", "--ignore-submodules=none", "-O/dev/null", base, head)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", head, err)
	}
	return parseNameStatus(out.String())
}

// parseNameStatus reads the output of git diff-tree --name-status -z:
//
//	<letter> NUL <path> NUL ...
func parseNameStatus(out string) ([]receipt.File, error) {
	var files []receipt.File
	for out != "" {
		letter, rest, ok1 := strings.Cut(out, "\x00")
		path, rest, ok2 := strings.Cut(rest, "\x00")
		if !ok1 || !ok2 || path == "" {
			return nil, fmt.Errorf("list files: git's output breaks off")
		}
		change, known := changes[letter]
		if !known {
			return nil, fmt.Errorf("list files: git says %q of %q", letter, path)
		}
		files = append(files, receipt.File{Path: legible(path), Change: change})
		out = rest
	}
	return files, nil
}

// changes maps git's status letters. Renames and copies (R, C) are switched
// off, and there is nothing unmerged (U) between two trees.
var changes = map[string]string{"A": receipt.Added, "M": receipt.Modified, "T": receipt.TypeChanged, "D": receipt.Deleted}

// legible returns a path that JSON can carry: as it is where it is UTF-8, else
// in double quotes with the bytes over 0x7f, quotes, backslashes and control
// characters as octal escapes.
func legible(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(path) {
		if c := path[i]; c >= 0x7f || c < ' ' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
