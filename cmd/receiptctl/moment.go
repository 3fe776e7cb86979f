package main

import (
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/entry"
)

// parseMoment reads a day (its beginning in UTC) or a time, and returns it in
// the form in which entries have theirs.
func parseMoment(s string) (string, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return entry.FormatTime(t), nil
		}
	}
	return "", fmt.Errorf("%q is neither a day as 2026-05-01 nor a time as 2026-05-01T10:00:00Z", s)
}
