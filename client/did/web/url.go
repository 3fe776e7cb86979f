package web

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/verdict"
)

// maxHost is the length of the longest host name in DNS.
const maxHost = 253

// URL returns where the document of a did:web is. The code of an error is
// malformed.
//
//	did:web:armalo.ai                 https://armalo.ai/.well-known/did.json
//	did:web:armalo.ai:issuers:eu      https://armalo.ai/issuers/eu/did.json
//	did:web:localhost%3A8443          https://localhost:8443/.well-known/did.json
func URL(id string) (string, error) {
	if err := did.Check(id); err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(id, "did:web:")
	if !ok {
		return "", refuse(id, "is not a did:web")
	}
	segments := strings.Split(rest, ":")
	authority, ok := authorityOf(segments[0])
	if !ok {
		return "", refuse(id, "does not begin with a lower-case host name, with %%3A and a port if need be")
	}
	path := "/.well-known"
	if len(segments) > 1 {
		path = "/" + strings.Join(segments[1:], "/")
	}
	for _, segment := range segments[1:] {
		if !isSegment(segment) {
			return "", refuse(id, "has a path that is not plain")
		}
	}
	return "https://" + authority + path + "/did.json", nil
}

func refuse(id, why string) error {
	const most = 120
	if len(id) > most {
		id = id[:most] + "..."
	}
	return verdict.Errorf(verdict.Malformed, "", "%q "+why, id)
}

// authorityOf reads the first part of a did:web: a host name and, after an
// escaped colon, a port.
func authorityOf(s string) (string, bool) {
	host, port, hasPort := strings.Cut(strings.Replace(s, "%3a", "%3A", 1), "%3A")
	if !isHostName(host) {
		return "", false
	}
	if !hasPort {
		return host, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return host + ":" + port, err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

// isHostName accepts names in lower case whose last label begins with a
// letter.
//
// SPEC did:web 2.2: the identifier must not include IP addresses. Some readers
// of URLs take 127.1 and 0x7f000001 for one; all of these end in a label that
// begins with a digit.
func isHostName(s string) bool {
	if s == "" || len(s) > maxHost {
		return false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return last[0] > '9'
}

// isSegment accepts a part of a path that no server can take for anything
// else than a name.
func isSegment(s string) bool {
	plain, err := url.PathUnescape(s)
	if err != nil || plain == "" || plain == "." || plain == ".." {
		return false
	}
	return !strings.ContainsFunc(plain, func(r rune) bool {
		return r == '/' || r == '\\' || r < ' ' || r == 0x7f
	})
}
