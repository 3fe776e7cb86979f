package main

import (
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

// hints say what a person can do about a refusal.
var hints = map[verdict.Code]string{
	verdict.IssuerUntrusted:   "the log's operator decides which issuers may append; ask for this DID to be added",
	verdict.IssuerUnavailable: "publish the issuer's DID document, or have the operator pin it; then submit again",
	verdict.KeyUnknown:        "the DID document that the log has is older than the key; publish the new one",
	verdict.KeyNotAuthorized:  "list the key under assertionMethod in the issuer's DID document",
	verdict.SignatureInvalid:  "the receipt was changed after it was signed, or signed with another key; issue it again",
	verdict.SchemaInvalid:     "is it a receipt, as receiptctl issue makes them?",
	verdict.NotLogged:         "either no such run is logged here, or its receipt is not public",
	verdict.TooLarge:          "a receipt has at most 1 MiB; leave the list of files out with receiptctl issue --no-files",
	verdict.Malformed:         "expected is one receipt a file, or one receipt a line on standard input",
	api.CodeNotFound:          "is --url the prefix of a receipt log?",
}

func hintFor(p *api.Problem) string { return hints[p.Code] }
