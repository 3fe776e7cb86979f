package report

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

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

// Titles turns the ids of evidence and of notable items into words.
func (r pageRefs) Titles(ids []string) string {
	var out []string
	for _, id := range ids {
		title := id
		for _, item := range slices.Concat(r.row.Control.Evidence, r.row.Control.Notable) {
			if item.ID == id {
				title = item.Title
			}
		}
		out = append(out, title)
	}
	return strings.Join(out, "; ")
}
