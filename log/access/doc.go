// Package access decides who may do what with a log: it makes API keys, knows
// them again, bounds what each may ask for, and keeps the trail of
// administrative acts.
//
// A key is
//
//	rl_<id>_<secret>
//
// with an id of 16 hex digits, by which it is listed and revoked, and 32 random
// bytes in base64url. It is shown once, when it is made. What is stored is its
// SHA-256, which is enough: there is nothing to guess in 256 random bits, so a
// slow hash would protect nothing. A key is found by its id, which is no secret,
// and compared in constant time; where no key has that id the comparison is made
// all the same.
//
// A key is bound to one organisation or to none, and allows some scopes, of
// which none includes another. Package log/httpapi says which route wants which
// scope. Receipts that are public, and all proofs, want no key.
//
// A key, and the act of making or changing it, are durable together before
// anybody is told. When a key was used is written at most once a minute, and how
// many receipts it has submitted today with it: after a crash the log may have
// forgotten the last minute of that.
//
// A [Ring] is safe for concurrent use; there must be one per database.
package access
