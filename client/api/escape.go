package api

import (
	"net/url"
	"strings"
)

// escapeSegment makes s one segment of a URL path: no slash in it splits it,
// and "." and ".." do not walk.
func escapeSegment(s string) string {
	switch s {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
}
