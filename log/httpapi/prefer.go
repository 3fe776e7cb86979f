package httpapi

import (
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// maxPreferredWait bounds the "wait" preference: nobody holds a connection
// longer than most proxies do by asking for it.
const maxPreferredWait = 60 * time.Second

// preference is what the Prefer fields of a request ask for, of the things
// this server knows. Everything else is ignored, as RFC 7240 wants.
type preference struct {
	async bool          // answer before the receipt is under a checkpoint
	wait  time.Duration // with async: but wait this long for one first
}

// parsePrefer reads the values of all Prefer fields of a request.
func parsePrefer(values []string) preference {
	var p preference
	seen := make(map[string]bool)
	for _, element := range listElements(values) {
		// Parameters after ";" are for extensions; there are none here.
		element, _ = cutOutsideQuotes(element, ';')
		name, value, ok := parameter(element)
		// SPEC RFC 7240 section 2: if a preference is named more than once,
		// only the first counts.
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case api.PreferAsync:
			p.async = true
		case "wait":
			p.wait = parseWait(value)
		}
	}
	return p
}

// parseWait reads the whole seconds of a wait preference. A value that is none
// asks for nothing.
func parseWait(value string) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxPreferredWait)
}
