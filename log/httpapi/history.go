package httpapi

import (
	"encoding/json/v2"
	"net/http"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
)

const (
	// defaultHistory and maxHistory are how many kept checkpoints one answer has:
	// some 10 KB each with ML-DSA-44 signatures.
	defaultHistory = 100
	maxHistory     = 1000
	// maxHistories is how many such answers are made at once.
	maxHistories = 8
)

// historyQuery is which kept checkpoints are asked for.
type historyQuery struct {
	from  uint64    // least size
	after time.Time // published later than this, of those of size from
	limit int
}

func parseHistoryQuery(raw string) (historyQuery, error) {
	q := historyQuery{limit: defaultHistory}
	err := parameters(raw, map[string]func(string) error{
		api.QueryFrom: func(value string) (err error) {
			if q.from, err = checkpoint.ParseSize(value); err != nil {
				return verdict.Errorf(verdict.Malformed, "query.from", "must be the size of a tree, in decimal")
			}
			return nil
		},
		api.QueryAfter: func(value string) (err error) {
			if q.after, err = time.Parse(time.RFC3339Nano, value); err != nil || q.after.UnixNano() < 0 {
				return verdict.Errorf(verdict.Malformed, "query.after", "must be the time of a line, as it stands there")
			}
			return nil
		},
		api.QueryLimit: limitTo(maxHistory, &q.limit),
	})
	return q, err
}

// serveHistory answers GET of the checkpoints that were published, oldest first,
// one line each. Whoever wants more asks again from the last line's size and
// after its time.
func (h *Handler) serveHistory(w http.ResponseWriter, r *http.Request, _ string) error {
	q, err := parseHistoryQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	var lines []byte
	err = h.log.History(q.from, q.after, func(k log.Kept) bool {
		var line []byte
		if line, err = json.Marshal(api.KeptCheckpoint{Size: k.Size, At: k.At.Format(time.RFC3339Nano), Checkpoint: string(k.Signed)}); err != nil {
			return false
		}
		lines = append(append(lines, line...), '\n')
		q.limit--
		return q.limit > 0 && r.Context().Err() == nil
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", api.MediaNDJSON)
	w.Header().Set("Cache-Control", cacheBriefly)
	w.Write(lines)
	return nil
}
