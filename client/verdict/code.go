package verdict

import (
	"errors"
	"fmt"
)

// Code is a stable, machine-readable name for one way in which something is
// refused.
type Code string

// What is wrong with a document, whoever looks at it.
const (
	Malformed     Code = "malformed"      // not strict I-JSON, or not of the format at all
	TooLarge      Code = "too_large"      // over a documented bound
	SchemaInvalid Code = "schema_invalid" // a field is missing, of the wrong type or out of range
)

// What is wrong with a receipt's signature or its signer.
const (
	ProofMissing      Code = "proof_missing"      // no eddsa-jcs-2022 proof by the issuer
	SignatureInvalid  Code = "signature_invalid"  // a proof does not verify
	IssuerUntrusted   Code = "issuer_untrusted"   // not an issuer this log or verifier accepts
	IssuerUnavailable Code = "issuer_unavailable" // the issuer's DID document could not be had
	KeyUnknown        Code = "key_unknown"        // the DID document has no such key
	KeyNotAuthorized  Code = "key_not_authorized" // the key is not under assertionMethod
)

// What does not match between a receipt and the things it speaks of.
const (
	DiffHashMismatch      Code = "diff_hash_mismatch"
	DiffURLMismatch       Code = "diff_url_mismatch"
	ConfigurationMismatch Code = "configuration_mismatch"
)

// What is wrong between a receipt and the log.
const (
	CommitmentMismatch Code = "commitment_mismatch" // entry and salt do not open to this receipt
	EntryMismatch      Code = "entry_mismatch"      // the entry names another issuer or key than the receipt
	InclusionInvalid   Code = "inclusion_invalid"
	ConsistencyInvalid Code = "consistency_invalid"
	CheckpointInvalid  Code = "checkpoint_invalid"
	QuorumNotMet       Code = "quorum_not_met"
	NotLogged          Code = "not_logged"
	Erased             Code = "erased"
)

// What is wrong with a file that states whom to trust.
const PolicyInvalid Code = "policy_invalid"

// Internal is the code of an error that carries none.
const Internal Code = "internal"

// Error is a refusal with a stable code. Path, where known, names the place in
// the document, as in "credentialSubject.build.diff.sha256" or "line 3".
type Error struct {
	Code   Code
	Path   string
	Detail string
}

// Error says where and what, without the code: programs print the code beside
// it.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Detail
	}
	return e.Path + ": " + e.Detail
}

// Errorf returns an [*Error] with a formatted detail. Path may be empty.
func Errorf(code Code, path, format string, args ...any) *Error {
	return &Error{Code: code, Path: path, Detail: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code that err carries anywhere in its chain, else
// [Internal]. CodeOf(nil) is "".
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
