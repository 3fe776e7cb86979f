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

// parameters reads a raw query string, each parameter by the reader of its name.
// It is strict: an unknown name, a name given twice or a value in another
// spelling than the one is malformed, so that nobody takes a misspelt question
// for answered.
func parameters(raw string, readers map[string]func(value string) error) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return verdict.Errorf(verdict.Malformed, "query", "is not a query string")
	}
	return readEach(values, readers)
}

// readEach is parameters of a query string that was parsed.
func readEach(values url.Values, readers map[string]func(value string) error) error {
	for name, list := range values {
		read := readers[name]
		switch {
		case read == nil:
			return verdict.Errorf(verdict.Malformed, "query", "has a parameter that this route does not know")
		case len(list) != 1:
			return verdict.Errorf(verdict.Malformed, "query", "names a parameter twice")
		}
		if err := read(list[0]); err != nil {
			return err
		}
	}
	return nil
}

// limitTo reads how many of something are asked for: 1 to most.
func limitTo(most int, into *int) func(value string) error {
	return func(value string) error {
		n, err := checkpoint.ParseSize(value)
		if err != nil || n < 1 || n > uint64(most) {
			return verdict.Errorf(verdict.Malformed, "query.limit", "must be from 1 to %d, in decimal", most)
		}
		*into = int(n)
		return nil
	}
}

// parseQuery reads which receipt is asked for, and how it is to be written.
func parseQuery(raw string) (q query, err error) {
	err = parameters(raw, map[string]func(string) error{
		api.QueryIndex: func(value string) (err error) {
			if q.index, err = checkpoint.ParseSize(value); err != nil {
				return verdict.Errorf(verdict.Malformed, "query.index", "must be the index of an entry, in decimal")
			}
			q.picked = true
			return nil
		},
		api.QueryFormat: func(value string) error {
			if value != api.FormatJSON && value != api.FormatProof {
				return verdict.Errorf(verdict.Malformed, "query.format", "must be %s or %s", api.FormatJSON, api.FormatProof)
			}
			q.format = value
			return nil
		},
	})
	return q, err
}
