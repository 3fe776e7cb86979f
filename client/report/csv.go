package report

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
)

// csvHeader names the columns of [Controls.CSV].
var csvHeader = []string{"record", "framework", "control", "title", "item", "standing", "receipts", "population", "run_id", "index", "log", "logged_at", "receipt_sha256", "detail"}

// CSV returns the report as one table for spreadsheets (RFC 4180). The column
// "record" says what a row is: control, evidence, notable, exception,
// noteworthy, sample, limit, model, vendor, issuer, configuration, change,
// rejected or conflict. No cell can be taken for a formula.
func (r *Controls) CSV() ([]byte, error) {
	var buf bytes.Buffer
	w := &table{csv: csv.NewWriter(&buf)}
	w.csv.UseCRLF = true
	w.csv.Write(csvHeader)
	for i := range r.Controls {
		w.control(r.Catalogue, &r.Controls[i])
	}
	w.models(r)
	w.drift(&r.Drift)
	for _, x := range r.Rejected {
		index := ""
		if x.ClaimedIndex != nil {
			index = strconv.FormatUint(*x.ClaimedIndex, 10)
		}
		w.row(row{"record": "rejected", "item": x.Name, "standing": string(x.Code), "run_id": x.ClaimedRun, "index": index, "detail": x.Detail})
	}
	for _, c := range r.Conflicts {
		var indices []string
		for _, i := range c.Indices {
			indices = append(indices, strconv.FormatUint(i, 10))
		}
		w.row(row{"record": "conflict", "item": c.Kind, "run_id": c.RunID, "log": c.Log, "index": strings.Join(indices, " "), "detail": c.Detail})
	}
	w.csv.Flush()
	return buf.Bytes(), w.csv.Error()
}

// row is one line by the names of its columns.
type row map[string]string

type table struct{ csv *csv.Writer }

func (t *table) row(r row) {
	cells := make([]string, len(csvHeader))
	for i, name := range csvHeader {
		cells[i] = inert(r[name])
	}
	t.csv.Write(cells) // its error is kept for Flush
}

// inert keeps spreadsheets from running a cell that others wrote.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (t *table) control(c *Catalogue, r *Result) {
	control := c.control(r.ID)
	base := row{"framework": c.framework(control.Framework).Title, "control": control.Label}
	add := func(more row) {
		for name, cell := range base {
			more[name] = cell
		}
		t.row(more)
	}
	population := strconv.Itoa(r.Population)
	add(row{"record": "control", "title": control.Title, "item": control.ID, "standing": string(r.Standing), "receipts": strconv.Itoa(r.WithEvidence), "population": population, "detail": control.Wanted})
	for i, item := range control.Evidence {
		add(row{"record": "evidence", "title": item.Title, "item": item.ID, "receipts": strconv.Itoa(r.Evidence[i].Receipts), "population": population, "detail": item.Rule})
	}
	for i, item := range control.Notable {
		add(row{"record": "notable", "title": item.Title, "item": item.ID, "receipts": strconv.Itoa(r.Notable[i].Receipts), "population": population, "detail": item.Rule})
	}
	for _, list := range []struct {
		record string
		refs   []Ref
	}{{"exception", r.ExceptionList}, {"noteworthy", r.NotableList}, {"sample", r.Samples}} {
		for _, ref := range list.refs {
			detail := ""
			if len(ref.Missing) > 0 {
				detail = "lacks: " + strings.Join(ref.Missing, ", ")
			}
			if len(ref.Notable) > 0 {
				detail = strings.Join(ref.Notable, ", ")
			}
			add(row{"record": list.record, "run_id": ref.RunID, "index": strconv.FormatUint(ref.Index, 10), "log": ref.Log, "logged_at": ref.At, "receipt_sha256": ref.Receipt, "detail": detail})
		}
	}
	for _, limit := range control.Limits {
		add(row{"record": "limit", "title": "What receipts cannot show", "detail": limit})
	}
}

func (t *table) models(r *Controls) {
	for _, m := range r.Models {
		t.row(m.Span.row(row{"record": "model", "title": m.Provider + " " + m.Model, "item": m.Version, "standing": m.Role}))
	}
	for _, v := range r.Vendors {
		t.row(v.Span.row(row{"record": "vendor", "title": v.Provider}))
	}
	for _, i := range r.Issuers {
		t.row(i.Span.row(row{"record": "issuer", "title": i.DID, "item": i.Key}))
	}
}

// row adds a span to a row: the first receipt in the columns, the last in words.
func (s Span) row(r row) row {
	r["receipts"] = strconv.Itoa(s.Receipts)
	r["run_id"], r["index"], r["logged_at"] = s.FirstRun, strconv.FormatUint(s.FirstIndex, 10), s.First
	r["detail"] = "last: run " + s.LastRun + ", index " + strconv.FormatUint(s.LastIndex, 10) + ", " + s.Last
	return r
}

func (t *table) drift(d *Drift) {
	for _, c := range d.Configurations {
		t.row(c.Span.row(row{"record": "configuration", "item": c.SHA256}))
	}
	for _, c := range d.Changes {
		t.row(row{"record": "change", "title": strings.Trim(c.Org+" / "+c.Project, " /"), "item": c.To, "index": strconv.FormatUint(c.Index, 10), "logged_at": c.At, "detail": c.Words()})
	}
}

// Words says what changed in one line.
func (c *Change) Words() string {
	var parts []string
	for _, d := range c.What {
		part := d.Member + ":"
		for _, w := range d.Added {
			part += " +" + w
		}
		for _, w := range d.Removed {
			part += " −" + w
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// control returns the control of an id that the report's catalogue has.
func (c *Catalogue) control(id string) *Control {
	for i := range c.Controls {
		if c.Controls[i].ID == id {
			return &c.Controls[i]
		}
	}
	return &Control{ID: id, Label: id}
}
