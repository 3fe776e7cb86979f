// Package web resolves did:web, which puts a DID document on a web site:
// did:web:armalo.ai is https://armalo.ai/.well-known/did.json.
//
// # What is trusted
//
// Whoever holds the domain's DNS and certificates at the moment of the
// request. That is why the log archives each document that it relies on.
//
// # What it cannot be made to do
//
// A DID may come from a stranger, and the URL it stands for with it. So a
// [Resolver]
//
//   - speaks HTTPS only, to a host name that is no IP address;
//   - connects to public addresses only, with no proxy between, and follows no
//     redirects, of which did:web needs none: see package outbound;
//   - sends no cookies or credentials, and keeps the response to itself: errors
//     say what went wrong and not what the other side said;
//   - takes at most [did.MaxDocumentBytes], within one deadline for everything,
//     in a bounded number of requests at a time;
//   - remembers failures too, so that a stranger cannot have it ask the same
//     site over and over.
//
// Specification: the did:web Method Specification of the W3C Credentials
// Community Group.
package web
