package httpapi

import (
	"net/url"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// query is what the query string of a read route asks for.
type query struct {
	index  uint64
	picked bool   // whether index was given
	format string // "", api.FormatJSON or api.FormatProof
}

// parseQuery reads a raw query string. It is strict: an unknown name, a name
// given twice or a value in another spelling than the one is malformed, so
// that nobody takes a misspelt question for answered.
func parseQuery(raw string) (query, error) {
	var q query
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, verdict.Errorf(verdict.Malformed, "query", "is not a query string")
	}
	for name, list := range values {
		if len(list) != 1 {
			return q, verdict.Errorf(verdict.Malformed, "query", "names a parameter twice")
		}
		switch name {
		case api.QueryIndex:
			if q.index, err = checkpoint.ParseSize(list[0]); err != nil {
				return q, verdict.Errorf(verdict.Malformed, "query.index", "must be the index of an entry, in decimal")
			}
			q.picked = true
		case api.QueryFormat:
			if list[0] != api.FormatJSON && list[0] != api.FormatProof {
				return q, verdict.Errorf(verdict.Malformed, "query.format", "must be %s or %s", api.FormatJSON, api.FormatProof)
			}
			q.format = list[0]
		default:
			return q, verdict.Errorf(verdict.Malformed, "query", "has a parameter that this route does not know")
		}
	}
	return q, nil
}
