package httpapi

import (
	"encoding/json/v2"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	logsearch "github.com/armalo/receiptlog/log/search"
)

const (
	// defaultSearchPage is a page for a person.
	defaultSearchPage = 100
	// maxSearches is how many searches run at once: each takes a core for up to
	// some tens of milliseconds at a time.
	maxSearches = 16
	// streamPage is how much of a stream is looked for before it is sent.
	streamPage = 500
)

// searchRequest is what a search asks for.
type searchRequest struct {
	query     search.Query
	below     uint64 // 0: from the newest on
	limit     int
	stream    bool // as NDJSON
	audiences []logsearch.Audience
}

// serveSearch answers GET of the receipts that match, newest first: a page of
// them as JSON, or one a line as NDJSON.
func (h *Handler) serveSearch(w http.ResponseWriter, r *http.Request, _ string) error {
	w.Header().Set("Vary", "Accept")
	req, err := h.parseSearch(r)
	if err != nil {
		return err
	}
	if req.audiences, err = h.audiences(r, &req.query); err != nil {
		return err
	}
	if req.stream {
		return h.streamFound(w, r, req)
	}
	page := api.Found{Receipts: []search.Hit{}}
	if page.FoundEnd, err = h.find(r, req, req.limit, func(hit search.Hit) error {
		page.Receipts = append(page.Receipts, hit)
		return nil
	}); err != nil {
		return err
	}
	body, err := json.Marshal(page)
	if err != nil {
		return err
	}
	h.link(w, req, page.Next)
	serveTagged(w, r, http.StatusOK, api.MediaJSON, body)
	return nil
}

// parseSearch is as strict as parameters.
func (h *Handler) parseSearch(r *http.Request) (req searchRequest, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return req, verdict.Errorf(verdict.Malformed, "query", "is not a query string")
	}
	var rest url.Values
	if req.query, rest, err = search.Parse(values); err != nil {
		return req, err
	}
	req.stream = wantsLines(r.Header.Values("Accept"))
	req.limit = defaultSearchPage
	most := api.MaxSearchPage
	if req.stream {
		req.limit, most = api.MaxSearchStream, api.MaxSearchStream
	}
	err = readEach(rest, map[string]func(string) error{
		api.QueryCursor: func(value string) (err error) {
			req.below, err = h.cursors().parse(&req.query, value)
			return err
		},
		api.QueryLimit: limitTo(most, &req.limit),
	})
	return req, err
}

func (h *Handler) cursors() cursors { return h.log.Tag }

// find runs one bounded piece of a search.
func (h *Handler) find(r *http.Request, req searchRequest, limit int, found func(search.Hit) error) (api.FoundEnd, error) {
	answer, err := h.log.Search(r.Context(), &req.query, req.audiences, req.below, limit, func(s *log.Stored) error {
		return found(hitOf(s))
	})
	if err != nil {
		return api.FoundEnd{}, err
	}
	end := api.FoundEnd{Size: answer.Size}
	if answer.Next != 0 {
		end.Next = h.cursors().make(&req.query, answer.Next)
	}
	return end, nil
}

// hitOf describes a receipt that was found.
func hitOf(s *log.Stored) search.Hit {
	hit := search.HitOf(s.Receipt)
	hit.Index, hit.LoggedAt = s.Index, s.LoggedAt().Format(time.RFC3339)
	hit.BundleURL = bundleURL(hit.RunID, s.Index)
	return hit
}

// link says where the first and the next page are. The references are relative
// to the request, so that they hold behind a proxy with a prefix.
func (h *Handler) link(w http.ResponseWriter, req searchRequest, next string) {
	values := req.query.Values()
	values.Set(api.QueryLimit, strconv.Itoa(req.limit))
	w.Header().Add("Link", "<?"+values.Encode()+`>; rel="first"`)
	if next != "" {
		values.Set(api.QueryCursor, next)
		w.Header().Add("Link", "<?"+values.Encode()+`>; rel="next"`)
	}
}

// streamFound sends what is found piece by piece, and how it ended as the last
// line. Nothing is held in memory but one piece.
func (h *Handler) streamFound(w http.ResponseWriter, r *http.Request, req searchRequest) error {
	rc := http.NewResponseController(w)
	var buf []byte
	line := func(v any) error {
		text, err := json.Marshal(v)
		buf = append(append(buf, text...), '\n')
		return err
	}
	for begun := false; ; begun = true {
		n := 0
		end, err := h.find(r, req, min(req.limit, streamPage), func(hit search.Hit) error { n++; return line(hit) })
		if err != nil && !begun {
			return err
		}
		if !begun {
			w.Header().Add("Vary", "Authorization")
			w.Header().Set("Content-Type", api.MediaNDJSON)
			w.Header().Set("Cache-Control", "no-store")
		}
		if err != nil {
			problem, _ := problemOf(err)
			end = api.FoundEnd{Error: problem, Next: h.cursors().make(&req.query, req.below)}
		}
		req.limit -= n
		if last := err != nil || end.Next == "" || req.limit == 0; last {
			if err := errors.Join(line(end)); err != nil {
				return nil // too late to say so
			}
			w.Write(buf)
			return nil
		}
		if req.below, err = h.cursors().parse(&req.query, end.Next); err != nil {
			return nil // it was made a moment ago
		}
		_ = rc.SetWriteDeadline(time.Now().Add(h.timeouts.write)) // else the one set at first stands
		if _, err := w.Write(buf); err != nil {
			return nil // nobody reads
		}
		_ = rc.Flush()
		buf = buf[:0]
	}
}

// wantsLines reports whether the Accept fields ask for NDJSON by name.
func wantsLines(values []string) bool {
	lines, doc := 0, 0
	for _, w := range parseWeighted(values) {
		switch w.value {
		case api.MediaNDJSON:
			lines = max(lines, w.weight)
		case api.MediaJSON:
			doc = max(doc, w.weight)
		}
	}
	return lines > doc
}
