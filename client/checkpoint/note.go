package checkpoint

import "time"

// MaxSignedBytes is the longest signed note. It is the bound of the reference
// implementation, golang.org/x/mod/sumdb/note, which refuses longer ones too.
const MaxSignedBytes = 1_000_000

// MaxSignatures is the most signature lines in a note. SPEC signed-note: at
// least 16; the reference implementation takes 100.
const MaxSignatures = 100

// Note is a signed note whose signatures have not been verified.
type Note struct {
	Text       []byte // what is signed, including its last newline
	Signatures []Signature
}

// Signature is one signature line of a note, not verified.
type Signature struct {
	Name    string // key name
	KeyHash uint32 // key ID
	Value   []byte // signature bytes after the key ID
	Line    []byte // the line as it stands, including its newline
}

// VerifiedSignature is a signature line that its Verifier accepted.
type VerifiedSignature struct {
	Signature
	Verifier *Verifier
	Time     time.Time // when a cosigner says it signed; zero if it does not say
}

// ParseNote splits a signed note into text and signature lines.
func ParseNote(data []byte) (*Note, error) { panic("not yet") }

// ParseSignatures parses one or more signature lines, such as a witness's reply.
func ParseSignatures(lines []byte) ([]Signature, error) { panic("not yet") }

// Verify verifies every signature line that names a known key, and returns them
// in their order in the note. Lines that name no known key are ignored. A line
// that names a known key and does not verify is an error: the whole note is then
// refused. An empty result is no error.
func (n *Note) Verify(known ...*Verifier) ([]VerifiedSignature, error) { panic("not yet") }

// Marshal returns the note that [ParseNote] reads: text, empty line, signature
// lines.
func (n *Note) Marshal() []byte { panic("not yet") }
