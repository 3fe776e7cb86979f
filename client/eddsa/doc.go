// Package eddsa verifies Ed25519 signatures, many by few keys.
//
// A log sees a thousand receipts by each key, and an auditor a million. [Key]
// accepts exactly the signatures that crypto/ed25519 accepts. It leaves the
// first few to that package, and then computes a table of multiples of the key,
// with which a signature takes a third of the time.
//
// # Why it is the same
//
// Both compute the point [S]B - [k]A and compare its encoding with the
// signature's R. Here the two products are read off, digit by digit, from
// tables of multiples of B and of A, and added up. The addition formulas are
// complete: they hold for every pair of points on the curve, those of small
// order included, so the sum is the same whatever the order of additions. What
// is decoded, and what is refused in decoding, is decided by the same code as
// in crypto/ed25519, of which filippo.io/edwards25519 is the public copy. A fuzz
// target holds the two to the same answers.
//
// Everything here is public: nothing is computed in constant time, and no
// secret may be passed in.
package eddsa
