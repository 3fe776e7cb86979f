package httpapi

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/armalo/receiptlog/witness"
)

//go:embed status.html
var statusHTML string

var statusPage = template.Must(template.New("status").Parse(statusHTML))

// statusLogs is how many logs stand on one status page.
const statusLogs = 100

type statusData struct {
	Names  []string
	VKeys  []string
	Served int
	Logs   []statusLog
	Next   string // hash that the next page begins with
}

type statusLog struct {
	Hash string
	witness.Status
}

// serveStatus writes the status page, beginning with the log of the hash given
// as from.
func (a *API) serveStatus(rw http.ResponseWriter, r *http.Request) {
	data, err := a.status(r.URL.Query().Get("from"))
	if err != nil {
		a.refuse(rw, r, err)
		return
	}
	var page bytes.Buffer
	if err := statusPage.Execute(&page, data); err != nil {
		a.refuse(rw, r, err)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=5")
	_, _ = rw.Write(page.Bytes())
}

var errPageFull = errors.New("page is full")

func (a *API) status(from string) (*statusData, error) {
	d := &statusData{VKeys: a.w.Keys().VKeys(), Served: a.w.Served()}
	seen := make(map[string]bool)
	for _, vkey := range d.VKeys {
		if name, _, _ := strings.Cut(vkey, "+"); !seen[name] {
			seen[name] = true
			d.Names = append(d.Names, name)
		}
	}
	err := a.w.Logs(from, func(hash string, s witness.Status) error {
		if !s.Removed.IsZero() {
			return nil
		}
		if len(d.Logs) == statusLogs {
			d.Next = hash
			return errPageFull
		}
		d.Logs = append(d.Logs, statusLog{hash, s})
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	return d, nil
}
