package api

import (
	"encoding/json/jsontext"
	"fmt"

	"github.com/armalo/receiptlog/client/verdict"
)

// ProblemBase begins the type URI of every problem document; the code follows.
const ProblemBase = "https://armalo.ai/ns/receiptlog/problems/"

// Codes of the HTTP interface itself. All others are those of package verdict.
const (
	CodeOverloaded           verdict.Code = "overloaded"
	CodeTimeout              verdict.Code = "timeout"
	CodeStorageFull          verdict.Code = "storage_full" // reading goes on
	CodeNotSigning           verdict.Code = "not_signing"  // the log was rolled back; reading goes on
	CodeFrozen               verdict.Code = "frozen"       // for good; reading goes on
	CodeNotFound             verdict.Code = "not_found"    // no such route
	CodeMethodNotAllowed     verdict.Code = "method_not_allowed"
	CodeUnsupportedMediaType verdict.Code = "unsupported_media_type"
	CodeIdempotencyReused    verdict.Code = "idempotency_key_reused"
	CodeUnauthorized         verdict.Code = "unauthorized" // no key, or one that is no good
)

// Problem is an RFC 9457 problem document, and an error. Code is stable and
// fit for machines; Detail is for people; Path, where known, names the place
// in the submitted document.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Code   verdict.Code `json:"code"`
	Path   string       `json:"path,omitempty"`
	// Erasure comes with the code erased: the evidence, to be read with
	// bundle.ParseErasure.
	Erasure jsontext.Value `json:"erasure,omitzero"`
}

// NewProblem returns a problem whose type and title follow from its code.
func NewProblem(status int, code verdict.Code, path, detail string) *Problem {
	return &Problem{
		Type:   ProblemBase + string(code),
		Title:  Title(code),
		Status: status,
		Detail: detail,
		Code:   code,
		Path:   path,
	}
}

// Error says what is wrong and where, then the code.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if p.Path != "" {
		text = p.Path + ": " + text
	}
	return fmt.Sprintf("%s (%s)", text, p.Code)
}

var titles = map[verdict.Code]string{
	verdict.Malformed:         "The request is not well-formed",
	verdict.TooLarge:          "The request is too large",
	verdict.SchemaInvalid:     "The receipt does not follow the schema",
	verdict.ProofMissing:      "The receipt has no proof by its issuer",
	verdict.SignatureInvalid:  "The receipt's signature does not verify",
	verdict.IssuerUntrusted:   "The issuer may not append to this log",
	verdict.IssuerUnavailable: "The issuer's DID document could not be had",
	verdict.KeyUnknown:        "The issuer's DID document has no such key",
	verdict.KeyNotAuthorized:  "The key may not make assertions for the issuer",
	verdict.NotLogged:         "This is not in the log, or not public",
	verdict.Erased:            "The receipt was erased",
	verdict.Internal:          "The log failed to answer",
	CodeOverloaded:            "The log is busy",
	CodeTimeout:               "The log took too long",
	CodeStorageFull:           "The log's disk is nearly full",
	CodeNotSigning:            "The log signs nothing until its operator has looked after it",
	CodeFrozen:                "The log is frozen and takes nothing in any more",
	CodeNotFound:              "No such route",
	CodeMethodNotAllowed:      "The route does not take this method",
	CodePrivate:               "The receipt is not public",
	CodeUnauthorized:          "The route wants a key, or the key is no good",
	CodeForbidden:             "The key does not allow this",
	CodeRateLimited:           "Too many requests with this key",
	CodeQuotaExceeded:         "The key's receipts for today are used up",
	CodeNoSuchKey:             "There is no such key",
	CodeNoSuchWebhook:         "There is no such webhook",
	CodeKeyEnded:              "The key has ended",
	CodeTooManyKeys:           "There are too many keys",
	CodeIdempotencyReused:     "The Idempotency-Key is of another receipt",
	CodeCursorInvalid:         "The cursor is not of this search",
	CodeIndexBehind:           "The search index is being built",
	CodeUnsupportedMediaType:  "The route does not take this media type",
}

// Title is the short summary of a code, the same for each of its occurrences.
func Title(code verdict.Code) string {
	if t, ok := titles[code]; ok {
		return t
	}
	return "The request was refused"
}
