// Package signature verifies the Ed25519 signatures of receipts that are
// submitted, at half the cost of crypto/ed25519, with the vector code of
// curve25519-voi.
//
// Nobody has to trust it. It decides only what the log takes in; whoever holds
// a bundle verifies the receipt again, with client/verify and the standard
// library. A signature passed here that the library refuses would put a receipt
// into the log that no verifier accepts; a test and a fuzz target hold the two
// to the same verdicts, those on malformed and low-order points included.
package signature

import (
	"crypto/ed25519"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// likeStandard asks for the verdicts of crypto/ed25519: without the cofactor,
// and with the same strictness about encodings.
var likeStandard = &voi.Options{Verify: voi.VerifyOptionsStdLib}

// Verify reports whether signature is one by key over message, as
// [ed25519.Verify] does (RFC 8032, section 5.1.7). It may be called
// concurrently. It takes time that depends on its arguments, which are public.
//
// It panics where key is not [ed25519.PublicKeySize] bytes long.
func Verify(key ed25519.PublicKey, message, signature []byte) bool {
	return voi.VerifyWithOptions(voi.PublicKey(key), message, signature, likeStandard)
}
