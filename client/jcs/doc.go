// Package jcs turns strict JSON into canonical JSON: the one byte string that
// is hashed, signed and stored.
//
// Input is I-JSON (RFC 7493), read without mercy: valid UTF-8, no lone
// surrogates, no two members of one name (compared after unescaping), nothing
// after the value, no deeper than [MaxDepth] and no longer than the caller
// allows. Output is RFC 8785, the JSON Canonicalization Scheme: no white
// space, members sorted by the UTF-16 code units of their names, shortest
// strings, numbers as ECMAScript prints them.
//
// # Numbers
//
// RFC 8785 prints every number as the IEEE 754 double next to it. Where that
// would turn one thing into another, the input is refused:
//
//   - an integer literal (no fraction, no exponent) must keep its digits.
//     9007199254740993 is refused, since a double cannot hold it and it would
//     come out as ...992;
//   - a number too large for a double is refused, and so is one other than
//     zero that is so small that it would come out as 0.
//
// A literal with a fraction or an exponent may lose digits beyond the
// precision of a double, as in RFC 8785's own example: 333333333.33333329
// becomes 333333333.3333333. These rules accept every output of the package,
// so that canonicalising twice is the same as once.
//
// The package does no I/O, keeps no state and is safe for concurrent use. All
// its errors are *verdict.Error.
package jcs
