// Package receipt reads, signs and verifies build receipts: W3C Verifiable
// Credentials that record how an AI agent's change came to be, from the request
// to the hash of the diff.
//
// The log, the verifier and every issuer go through this package; none of them
// looks into a receipt on its own. [Parse] says whether bytes are a receipt at
// all, [Receipt.Verify] whether its issuer signed it. Neither does I/O nor
// reads a clock, and the package compiles to WebAssembly.
//
// # Reading
//
// [Parse] takes strict JSON (package jcs), brings it into canonical form and
// checks every field that the design names: its type, its range, whether it is
// there. An error names the place, as in
//
//	credentialSubject.build.jury.votes[2].score: must be between 0 and 1
//
// Members that the design does not name are kept, and the signature covers
// them. The identity of a receipt is [Receipt.Hash], the SHA-256 of its
// canonical bytes with all proofs; the same credential signed twice is two
// receipts.
//
// # Fields
//
// Schema is the same set of rules as a JSON Schema, and a test holds both to
// the same verdicts. Required are @context (which begins with
// https://www.w3.org/ns/credentials/v2 and contains
// https://armalo.ai/ns/build-receipt/v1), id, type (which contains
// VerifiableCredential and BuildReceipt), issuer (a DID), validFrom, and of
// credentialSubject.build: runId, org and diff.sha256. All else may be left
// out. An object that is there has to be whole, though: a vote has model and
// verdict, a gate id and decision, a spec, plan, pact or configuration its
// sha256.
//
// Hashes are 64 lower-case hex digits, git object names 40 or 64. Times are
// XML Schema dateTimeStamps with a four-digit year, at most nine decimals and
// a time zone. Scores are numbers from 0 to 1. The twelve dimensions of
// evals.composite are named by the issuer, so that any twelve names are
// accepted and a thirteenth is not. null is not a value of any of these fields.
//
// # Signatures
//
// Proofs are W3C Data Integrity proofs of the cryptosuite eddsa-jcs-2022, one
// or a set. What is signed is SHA-256 of the canonical proof without
// proofValue, followed by SHA-256 of the canonical receipt without proof. Since
// a member can be cut out of canonical JSON and leaves canonical JSON, nothing
// is encoded again to verify.
//
// A receipt is verified by a proof whose verificationMethod is a key under
// assertionMethod in the DID document of its issuer. Every eddsa-jcs-2022
// assertion in the issuer's name has to verify. Proofs by others, or made with
// another cryptosuite, are not judged; [Signer] counts them.
//
// Where this is stricter than the specification: a proof that has an @context
// must have the receipt's own. The specification also takes a prefix of it,
// and then contexts could be added to a signed receipt without its signer.
// Proof chains (previousProof) are refused.
package receipt
