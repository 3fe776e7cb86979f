package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// A plot is an inline SVG, sized by its view box: it scales with the page, has
// no script, and takes its colours from the page's style sheet.
type plot struct {
	text                     strings.Builder
	width, height            float64
	left, right, top, bottom float64 // margins around the drawing area
}

// newPlot begins a plot; the title is what a screen reader says of it.
func newPlot(width, height float64, title string) *plot {
	p := &plot{width: width, height: height, left: 34, right: 4, top: 8, bottom: 20}
	p.printf(`<svg viewBox="0 0 %s %s" role="img" aria-label="%s"><title>%s</title>`, num(width), num(height), escape(title), escape(title))
	return p
}

// printf appends markup. Every text among the arguments has been escaped.
func (p *plot) printf(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

func (p *plot) done() template.HTML { return template.HTML(p.text.String() + "</svg>") }

func escape(s string) string { return template.HTMLEscapeString(s) }

// num prints a coordinate.
func num(f float64) string { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }

// y returns the height of a share of the drawing area, from its bottom.
func (p *plot) y(share float64) float64 {
	return p.height - p.bottom - share*(p.height-p.top-p.bottom)
}

// column returns where the n-th of several columns begins, and its width.
func (p *plot) column(n, of int) (x, width float64) {
	width = (p.width - p.left - p.right) / float64(of)
	return p.left + float64(n)*width, width
}

// axes draws grid lines with their labels at the left, and the first and last
// period below.
func (p *plot) axes(labels []string, first, last string) {
	for i, label := range labels {
		share := 1.0
		if len(labels) > 1 {
			share = float64(i) / float64(len(labels)-1)
		}
		y, class := p.y(share), "grid"
		if i == 0 {
			class = "axis"
		}
		p.printf(`<line class="%s" x1="%s" x2="%s" y1="%s" y2="%s"/>`, class, num(p.left), num(p.width-p.right), num(y), num(y))
		p.printf(`<text x="%s" y="%s" text-anchor="end">%s</text>`, num(p.left-6), num(y+3.5), escape(label))
	}
	p.printf(`<text x="%s" y="%s">%s</text>`, num(p.left), num(p.height-4), escape(first))
	if last != first {
		p.printf(`<text x="%s" y="%s" text-anchor="end">%s</text>`, num(p.width-p.right), num(p.height-4), escape(last))
	}
}

// barPlot draws one bar for each period.
func barPlot(width, height float64, title, class string, periods []Period, value func(Period) int) template.HTML {
	p := newPlot(width, height, title)
	if len(periods) == 0 {
		return p.done()
	}
	most := 1
	for _, period := range periods {
		most = max(most, value(period))
	}
	most = round(most)
	labels := []string{"0", thousands(most)}
	if most%2 == 0 && height > 100 {
		labels = []string{"0", thousands(most / 2), thousands(most)}
	}
	p.axes(labels, periods[0].From, periods[len(periods)-1].From)
	for i, period := range periods {
		n := value(period)
		if n == 0 {
			continue
		}
		x, w := p.column(i, len(periods))
		gap := min(w*0.2, 4)
		y := p.y(float64(n) / float64(most))
		p.printf(`<rect class="bar %s" x="%s" y="%s" width="%s" height="%s"><title>%s: %s</title></rect>`, class,
			num(x+gap/2), num(y), num(min(w-gap, 40)), num(max(p.y(0)-y, 1)), escape(period.From), thousands(n))
	}
	return p.done()
}

// round returns the next number that is easy to read: 1, 2, 4, 6, 8 or 10
// times a power of ten.
func round(n int) int {
	unit := 1
	for n > 10*unit {
		unit *= 10
	}
	for _, m := range []int{1, 2, 4, 6, 8} {
		if n <= m*unit {
			return m * unit
		}
	}
	return 10 * unit
}

// scorePlot draws the mean of one dimension as a line and lowest to highest as
// a band. Periods without receipts are gaps.
func scorePlot(width, height float64, dimension string, periods []Period) template.HTML {
	p := newPlot(width, height, "Composite score "+dimension+" over time")
	if len(periods) == 0 {
		return p.done()
	}
	p.axes([]string{"0", "0.5", "1"}, periods[0].From, periods[len(periods)-1].From)
	for start := 0; start < len(periods); start++ {
		end := start
		for end < len(periods) && periods[end].Scores[dimension].Receipts > 0 {
			end++
		}
		if end > start {
			p.stretch(dimension, periods, start, end)
			start = end
		}
	}
	return p.done()
}

// stretch draws the periods from start up to end, all of which have scores.
func (p *plot) stretch(dimension string, periods []Period, start, end int) {
	var upper, lower, mean []string
	for i := start; i < end; i++ {
		s := periods[i].Scores[dimension]
		x, w := p.column(i, len(periods))
		at := func(v float64) string { return num(x+w/2) + "," + num(p.y(v)) }
		upper, mean = append(upper, at(s.Max)), append(mean, at(s.Mean))
		lower = append([]string{at(s.Min)}, lower...)
	}
	if end-start > 1 {
		p.printf(`<polygon class="band" points="%s"/><polyline class="line" points="%s"/>`, strings.Join(append(upper, lower...), " "), strings.Join(mean, " "))
	}
	for i := start; i < end; i++ {
		s := periods[i].Scores[dimension]
		x, w := p.column(i, len(periods))
		if end-start == 1 {
			p.printf(`<line class="line" x1="%[1]s" x2="%[1]s" y1="%[2]s" y2="%[3]s"/>`, num(x+w/2), num(p.y(s.Min)), num(p.y(s.Max)))
		}
		p.printf(`<circle class="dot" cx="%s" cy="%s" r="%s"><title>%s: mean %s, %s to %s, %s receipts</title></circle>`, num(x+w/2), num(p.y(s.Mean)),
			num(min(2.5, max(w/3, .5))), escape(periods[i].From), decimals(s.Mean), decimals(s.Min), decimals(s.Max), thousands(s.Receipts))
	}
}

// sharePlot draws how much of a population carries the evidence.
func sharePlot(standing Standing, with, population int) template.HTML {
	const width, height = 120, 10
	p := newPlot(width, height, fmt.Sprintf("%s of %s", thousands(with), thousands(population)))
	p.printf(`<rect class="rest" x="0" y="0" width="%d" height="%d" rx="2"/>`, width, height)
	if population > 0 && with > 0 {
		class := map[Standing]string{Supported: "good", Exceptions: "warn"}[standing]
		p.printf(`<rect class="bar %s" x="0" y="0" width="%s" height="%d" rx="2"/>`, class, num(max(2, width*float64(with)/float64(population))), height)
	}
	return p.done()
}

// usePlot draws from when to when something was used, within the whole time:
// both ends are shares of it.
func usePlot(from, to float64, title string) template.HTML {
	const width, height = 120, 10
	p := newPlot(width, height, title)
	p.printf(`<rect class="rest" x="0" y="4" width="%d" height="2"/>`, width)
	p.printf(`<rect class="bar" x="%s" y="2" width="%s" height="6" rx="1"/>`, num(min(from, .97)*width), num(max(3, (to-from)*width)))
	return p.done()
}

func decimals(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// thousands prints a number with commas, as English has them.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
