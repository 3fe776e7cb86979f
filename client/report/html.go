package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"sync"
	"time"
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
		"n64":      func(n uint64) string { return thousands(int(n)) },
		"add":      func(a, b int) int { return a + b },
		"counted":  countedNoun,
		"day":      func(s string) string { return formatTime(s, "2 January 2006") },
		"stamp":    func(s string) string { return formatTime(s, "2006-01-02 15:04") },
		"short":    shortHash,
		"mark":     func(s Standing) string { return standings[s].mark },
		"standing": func(s Standing) string { return standings[s].words },
		"indices":  joinIndices,
		"score":    scoreCell,
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

// HTML returns the report as one page with everything in it: no script, no
// font, no image, nothing to fetch. It reads in light, in dark and on paper.
func (r *Controls) HTML() ([]byte, error) {
	p := &controlsPage{Style: style(), Report: r}
	p.group()
	p.plot()
	var buf bytes.Buffer
	if err := page().ExecuteTemplate(&buf, "controls.html", p); err != nil {
		return nil, fmt.Errorf("render report: %w", err)
	}
	return buf.Bytes(), nil
}

// controlsPage is what the template shows.
type controlsPage struct {
	Style    template.CSS
	Report   *Controls
	Groups   []pageGroup
	Receipts template.HTML
	Events   []pagePlot
	Scores   []pagePlot
}

type pageGroup struct {
	Framework Framework
	Rows      []pageRow
}

type pageRow struct {
	Control           *Control
	Result            *Result
	Share             template.HTML
	Evidence, Notable []pageItem
}

type pageItem struct {
	Title, Rule string
	Receipts    int
}

type pagePlot struct {
	Title string
	Total int
	Mean  string
	Plot  template.HTML
}

// group orders the results by framework, as the catalogue lists them.
func (p *controlsPage) group() {
	for _, f := range p.Report.Catalogue.Frameworks {
		g := pageGroup{Framework: f}
		for i := range p.Report.Controls {
			r := &p.Report.Controls[i]
			if c := p.Report.Catalogue.control(r.ID); c.Framework == f.ID {
				g.Rows = append(g.Rows, pageRow{c, r, sharePlot(r.Standing, r.WithEvidence, r.Population), items(c.Evidence, r.Evidence), items(c.Notable, r.Notable)})
			}
		}
		if g.Rows != nil {
			p.Groups = append(p.Groups, g)
		}
	}
}

func items(of []Item, counts []ItemCount) []pageItem {
	out := make([]pageItem, len(of))
	for i, item := range of {
		out[i] = pageItem{Title: item.Title, Rule: item.Rule}
		if i < len(counts) {
			out[i].Receipts = counts[i].Receipts
		}
	}
	return out
}

func (p *controlsPage) plot() {
	t := &p.Report.Timeline
	p.Receipts = barPlot(1040, 190, "Receipts over time", "", t.Periods, func(p Period) int { return p.Receipts })
	for _, e := range []struct {
		title string
		value func(Period) int
	}{
		{"Gate denied", func(p Period) int { return p.GateDenied }},
		{"Jury blocked", func(p Period) int { return p.JuryBlocked }},
		{"Eval check failed", func(p Period) int { return p.EvalFailed }},
	} {
		total := 0
		for _, period := range t.Periods {
			total += e.value(period)
		}
		p.Events = append(p.Events, pagePlot{Title: e.title, Total: total, Plot: barPlot(260, 96, e.title+" over time", "bad", t.Periods, e.value)})
	}
	for _, d := range t.Dimensions[:min(len(t.Dimensions), maxPagePlots)] {
		var n int
		var sum float64
		for _, period := range t.Periods {
			n += period.Scores[d].Receipts
			sum += period.Scores[d].Mean * float64(period.Scores[d].Receipts)
		}
		p.Scores = append(p.Scores, pagePlot{Title: d, Mean: decimals(sum / float64(max(n, 1))), Plot: scorePlot(260, 96, d, t.Periods)})
	}
}

// pageSpan is a Span with its place in the whole time.
type pageSpan struct {
	Span
	InUse template.HTML
}

// Span places a span in the whole time.
func (p *controlsPage) Span(s Span) pageSpan { return pageSpan{s, p.InUse(s.First, s.Last)} }

// InUse draws from when to when something was used.
func (p *controlsPage) InUse(first, last string) template.HTML {
	from, to := seconds(p.Report.Scope.First), seconds(p.Report.Scope.Last)
	whole := max(to-from, 1)
	return usePlot((seconds(first)-from)/whole, (seconds(last)-from)/whole, formatTime(first, time.DateOnly)+" to "+formatTime(last, time.DateOnly))
}

func seconds(s string) float64 {
	t, _ := time.Parse(time.RFC3339, s) // a report's own times parse; others draw at the edge
	return float64(t.Unix())
}

// pageRefs is a list of receipts with its heading.
type pageRefs struct {
	Title string
	Refs  []Ref
	Total int
	Lacks bool
	row   pageRow
}

// Refs makes a list fit for a page.
func (p *controlsPage) Refs(title string, refs []Ref, total int, row pageRow) pageRefs {
	return pageRefs{title, refs[:min(len(refs), maxPageRefs)], total, len(refs) > 0 && refs[0].Missing != nil, row}
}

// Titles turns the ids of missing evidence into words.
func (r pageRefs) Titles(ids []string) string {
	var out []string
	for _, id := range ids {
		title := id
		for _, item := range r.row.Control.Evidence {
			if item.ID == id {
				title = item.Title
			}
		}
		out = append(out, title)
	}
	return strings.Join(out, "; ")
}
