package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/armalo/receiptlog/client/search"
)

// table prints a line for each hit, in columns for people.
type table struct {
	w     io.Writer
	begun bool
}

const tableRow = "%9v  %-20s  %-8s %-28s %-12s %s\n"

func (t *table) add(h search.Hit) error {
	if !t.begun {
		t.begun = true
		if _, err := fmt.Fprintf(t.w, tableRow, "index", "logged", "verdict", "run", "commit", "models"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(t.w, tableRow, h.Index, plain(h.LoggedAt), cmp.Or(plain(h.Verdict), "-"), plain(h.RunID), short(h.Commit), remarks(h))
	return err
}

func (t *table) end(n int) error {
	if n == 0 {
		fmt.Fprintln(t.w, "nothing found")
	} else {
		fmt.Fprintf(t.w, "%s\n", counted(n, "receipt"))
	}
	return somethingOr(n)
}

// remarks are the models of a hit, and what went wrong.
func remarks(h search.Hit) string {
	var words []string
	for _, m := range h.Models {
		if name := plain(m.Model); !slices.Contains(words, name) {
			words = append(words, name)
		}
	}
	text := strings.Join(words, ", ")
	for _, list := range []struct {
		what string
		ids  []string
	}{{"denied", h.GatesDenied}, {"failed", h.EvalsFailed}} {
		if len(list.ids) > 0 {
			text += fmt.Sprintf(" [%s: %s]", list.what, plain(strings.Join(list.ids, ", ")))
		}
	}
	if !h.Public {
		text += " [private]"
	}
	return strings.TrimSpace(text)
}

// short is a commit as people know it.
func short(commit string) string { return cmp.Or(plain(commit)[:min(12, len(plain(commit)))], "-") }

// plain drops what would move a terminal's cursor: others chose the text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// jsonLines prints each hit as the log sent it.
type jsonLines struct{ w io.Writer }

func (j jsonLines) add(h search.Hit) error { return printLine(j.w, h) }
func (j jsonLines) end(n int) error        { return somethingOr(n) }
