// Package did reads decentralised identifiers and the documents that say which
// keys may speak for them.
//
// A receipt names its issuer by DID and its key by a DID URL, such as
// did:web:armalo.ai#key-1. A [Resolver] turns the DID into a [Document];
// [Document.AssertionKey] then gives the Ed25519 key if, and only if, the
// document lists it under assertionMethod.
//
// Three ways to have a document are here: [KeyResolver] expands a did:key,
// which carries its own key; [Pinned] reads a folder of documents and needs no
// network; [Chain] asks several resolvers in turn. did:web over HTTPS is in
// package web, because this one does no network I/O and compiles to
// WebAssembly.
//
// # What is trusted
//
// Whoever made the document decides which keys count, so the document is as
// trustworthy as the way it came: a policy file, a transparency log's archive,
// or HTTPS. This package judges form only. It refuses a document in which two
// keys share an id, a key of the wrong length, and the eight points of small
// order, under which one signature fits many messages.
//
// # Formats
//
// DID documents: W3C DID 1.0 and Controlled Identifiers 1.0 (JSON). Ed25519
// keys are read from verification methods of type Multikey,
// Ed25519VerificationKey2020, JsonWebKey and JsonWebKey2020. Methods of other
// types are kept, and asking for their key is an error. A multikey is "z" and
// the base58 of 0xed 0x01 and the 32 bytes of the key: z6Mk....
//
// All errors are *verdict.Error, save [ErrNotFound] and those of resolvers
// that do I/O.
package did
