package report

import (
	"embed"
	"encoding/json/jsontext"
	"html/template"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/entry"
)

//go:embed html
var pages embed.FS

const (
	// maxPageRefs bounds each list of receipts on a page: somebody prints it.
	maxPageRefs = 25
	// maxPagePlots bounds the dimensions plotted. The framework has twelve.
	maxPagePlots = 24
)

// page parses the templates once.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"n":        thousands,
		"add":      func(a, b int) int { return a + b },
		"counted":  countedNoun,
		"day":      func(s string) string { return formatTime(s, "2 January 2006") },
		"stamp":    func(s string) string { return formatTime(s, "2006-01-02 15:04") },
		"short":    shortHash,
		"mark":     func(s Standing) string { return standings[s].mark },
		"standing": func(s Standing) string { return standings[s].words },
		"indices":  joinIndices,
		"score":    scoreCell,
		"u":        func(n uint64) string { return thousands(int(n)) },
		"first":    firstOf,
		"more":     moreThanFirst,
		"ends":     ends,
		"gap":      (*Gap).words,
		"moment":   func(t time.Time) string { return formatTime(entry.FormatTime(t), "2006-01-02 15:04") },
		"percent":  func(f float64) string { return strconv.FormatFloat(100*f, 'g', 4, 64) + " %" },
		"raw":      func(v jsontext.Value) string { return string(v) },
	}).ParseFS(pages, "html/*.html"))
})

// standings are told apart by a sign and by words, never by colour alone.
var standings = map[Standing]struct{ mark, words string }{
	Supported: {"●", "supported"}, Exceptions: {"◐", "supported, with exceptions"}, NotShown: {"○", "not shown"}, Nothing: {"–", "no receipts"},
}

func countedNoun(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func formatTime(s, layout string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return "–"
	}
	return t.UTC().Format(layout)
}

func shortHash(s string) string {
	if s == "" {
		return "none"
	}
	return s[:min(12, len(s))] + "…"
}

func joinIndices(list []uint64) string {
	var out []string
	for _, i := range list {
		out = append(out, strconv.FormatUint(i, 10))
	}
	return strings.Join(out, ", ")
}

func scoreCell(scores map[string]Score, dimension string) string {
	if s, ok := scores[dimension]; ok {
		return decimals(s.Mean)
	}
	return ""
}

// style returns the style sheet, which stands within the page.
func style() template.CSS {
	data, err := pages.ReadFile("html/style.css")
	if err != nil {
		panic("report: " + err.Error()) // it is embedded
	}
	return template.CSS(data)
}
