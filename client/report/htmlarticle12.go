package report

import (
	"bytes"
	"fmt"
	"html/template"
	"reflect"
	"time"

	"github.com/armalo/receiptlog/client/account"
)

// maxPageEnds is how many checkpoints a page shows from either end.
const maxPageEnds = 6

// article12Page is what the template shows. Page has the plots and lists that
// come from receipts.
type article12Page struct {
	Style     template.CSS
	Report    *Article12
	Page      *controlsPage
	Heartbeat template.HTML
	Bodies    template.HTML
}

// HTML returns the report as one page with everything in it, as
// [Controls.HTML] does.
func (r *Article12) HTML() ([]byte, error) {
	p := &article12Page{Style: style(), Report: r, Page: &controlsPage{Report: r.Receipts}}
	p.Page.group()
	p.Page.plot()
	p.Heartbeat = heartbeatPlot(r.Integrity.Checkpoints)
	p.Bodies = bodiesPlot(&r.Retention.Tally)
	var buf bytes.Buffer
	if err := page().ExecuteTemplate(&buf, "article12.html", p); err != nil {
		return nil, fmt.Errorf("render report: %w", err)
	}
	return buf.Bytes(), nil
}

// firstOf cuts any list to what a page shows of it.
func firstOf(list any) any {
	v := reflect.ValueOf(list)
	return v.Slice(0, min(v.Len(), maxPageRefs)).Interface()
}

// moreThanFirst says that a list was cut.
func moreThanFirst(n int) template.HTML {
	if n <= maxPageRefs {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<p class="small soft">The first %d of %s; the JSON form has more.</p>`, maxPageRefs, thousands(n)))
}

// ends returns the first and last checkpoints.
func ends(list []KeptCheckpoint) []KeptCheckpoint {
	if len(list) <= 2*maxPageEnds {
		return list
	}
	return append(append([]KeptCheckpoint{}, list[:maxPageEnds]...), list[len(list)-maxPageEnds:]...)
}

// words says how long a gap was, and when.
func (g *Gap) words() string {
	if g == nil {
		return "there are no two"
	}
	return fmt.Sprintf("%s, from %s to %s", duration(g.Seconds), formatTime(g.From, "2006-01-02 15:04"), formatTime(g.To, "2006-01-02 15:04"))
}

func duration(seconds int64) string {
	switch {
	case seconds < 120:
		return countedNoun(int(seconds), "second")
	case seconds < 2*60*60:
		return countedNoun(int(seconds/60), "minute")
	case seconds < 2*daySeconds:
		return countedNoun(int(seconds/3600), "hour")
	}
	return countedNoun(int(seconds/daySeconds), "day")
}

// heartbeatPlot draws a stroke for each checkpoint at the time of its first
// cosignature; one that does not hold in another colour.
func heartbeatPlot(checkpoints []KeptCheckpoint) template.HTML {
	p := newPlot(1040, 56, fmt.Sprintf("%d checkpoints over time", len(checkpoints)))
	var first, last string
	for _, c := range checkpoints {
		if c.First != "" && first == "" {
			first = c.First
		}
		if c.First > last {
			last = c.First
		}
	}
	p.axes([]string{""}, formatTime(first, time.DateOnly), formatTime(last, time.DateOnly))
	from, whole := seconds(first), max(seconds(last)-seconds(first), 1)
	for _, c := range checkpoints {
		if c.First == "" {
			continue
		}
		class := ""
		if c.Wrong != "" {
			class = "bad"
		}
		x := p.left + (p.width-p.left-p.right-2)*(seconds(c.First)-from)/whole
		p.printf(`<rect class="bar %s" x="%s" y="%s" width="2" height="%s"><title>%s: %s entries</title></rect>`, class, num(x), num(p.top),
			num(p.height-p.top-p.bottom), escape(c.First), thousands(int(c.Size)))
	}
	return p.done()
}

// bodiesPlot draws what became of all bodies as one bar.
func bodiesPlot(b *account.Tally) template.HTML {
	const width, height = 1040, 18
	p := newPlot(width, height, fmt.Sprintf("%d present, %d lawfully erased, %d missing or unlawfully erased, %d not checked of %d", b.Present, b.Lawful, b.Missing+b.Unlawful, b.NotChecked, b.Receipts))
	p.printf(`<rect class="rest" x="0" y="0" width="%d" height="%d" rx="2"/>`, width, height)
	x := 0.0
	for _, part := range []struct {
		class, title string
		n            uint64
	}{{"good", "present", b.Present}, {"warn", "lawfully erased", b.Lawful}, {"bad", "unlawfully erased", b.Unlawful}, {"bad", "missing", b.Missing}} {
		if part.n == 0 {
			continue
		}
		// A single missing body among a million must be seen.
		w := max(3, width*float64(part.n)/float64(max(b.Receipts, 1)))
		p.printf(`<rect class="bar %s" x="%s" y="0" width="%s" height="%d"><title>%s: %s</title></rect>`, part.class, num(min(x, width-3)), num(w), height, part.title, thousands(int(part.n)))
		x += w
	}
	return p.done()
}
