package httpapi

import "testing"

// FuzzParseHistoryQuery: whatever is asked for is within its bounds.
func FuzzParseHistoryQuery(f *testing.F) {
	for _, seed := range []string{"", "limit=2&from=7&after=2026-05-12T10:00:00.5Z", "limit=1001", "from=07", "after=%zz", "a=1", "from=1&from=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseHistoryQuery(raw)
		if err == nil && (q.limit < 1 || q.limit > maxHistory || !q.after.IsZero() && q.after.UnixNano() < 0) {
			t.Errorf("%q is taken for %+v", raw, q)
		}
	})
}
