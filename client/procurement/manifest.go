package procurement

import (
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"strings"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// Version is the value of the member "archive" of a manifest.
	Version = "receiptlog/procurement/v1"
	// maxFiles bounds an archive: a hundred million receipts, a thousand a file.
	maxFiles = 100_000
	// maxManifestBytes bounds the manifest of that many files, and a hundred
	// thousand absences.
	maxManifestBytes = 128 << 20
	// MaxFileBytes bounds any other file in an archive: reports on 200,000
	// receipts come to some megabytes.
	MaxFileBytes = 256 << 20

	manifestName   = "manifest.json"
	receiptsFolder = "receipts/"
	readmeName     = "README.txt"
)

// Manifest says what an archive holds.
type Manifest struct {
	Archive string `json:"archive"` // Version
	// Scope says in words what was asked for.
	Scope    string `json:"scope"`
	Receipts int    `json:"receipts"`
	// Absent are receipts of the scope that are not in the archive.
	Absent []Absence `json:"absent"`
	Files  []File    `json:"files"` // in the order of the zip
}

// Absence is a receipt that belongs to the scope and is not in the archive.
type Absence struct {
	Index *uint64 `json:"index,omitzero"`
	// Last is set where this is about all receipts of the scope from Index to
	// Last, of which there are Count.
	Last  *uint64 `json:"last,omitzero"`
	Count int     `json:"count,omitzero"`
	Name  string  `json:"name,omitzero"` // whatever else it is known by
	Why   string  `json:"why"`           // as in "erased", "private", or a code of package verdict
	// Detail says more for people.
	Detail string `json:"detail,omitzero"`
	// Evidence is the file that proves an erasure.
	Evidence string `json:"evidence,omitzero"`
}

// Receipts is how many receipts the absence is about.
func (a Absence) Receipts() int { return max(a.Count, 1) }

// AbsentReceipts is how many receipts are absent.
func (m *Manifest) AbsentReceipts() (n int) {
	for _, a := range m.Absent {
		n += a.Receipts()
	}
	return n
}

// Reasons for absences that an export by a log gives.
const (
	WhyErased  = "erased"  // see Evidence
	WhyPrivate = "private" // not for whoever asked
	WhyMissing = "missing" // the log has lost it
	WhyMore    = "more"    // too many to list
)

// maxAbsences bounds the list: more are only counted.
const maxAbsences = 100_000

// note adds an absence. One that continues the one before, for the same reason,
// makes that longer: so a list of all receipts of a year that were erased is
// short, and the memory for it too.
func (m *Manifest) note(a Absence) {
	n := len(m.Absent)
	if n > 0 && a.Index != nil && a.continues(m.Absent[n-1]) {
		before := &m.Absent[n-1]
		before.Count, before.Last = before.Receipts()+a.Receipts(), a.Index
		return
	}
	switch {
	case n < maxAbsences:
		m.Absent = append(m.Absent, a)
	case n == maxAbsences:
		m.Absent = append(m.Absent, Absence{Index: a.Index, Last: a.Index, Count: a.Receipts(), Why: WhyMore, Detail: "too many to list one by one"})
	default:
		m.Absent[n-1].Count += a.Receipts()
		m.Absent[n-1].Last = a.Index
	}
}

// continues reports whether a is of the same kind as the one before, further on.
func (a Absence) continues(before Absence) bool {
	return before.Index != nil && *before.Index < *a.Index && a.Name == "" && before.Name == "" &&
		a.Why == before.Why && a.Detail == before.Detail && a.Evidence == before.Evidence
}

// File is one file of the archive.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (m *Manifest) marshal() ([]byte, error) {
	data, err := json.Marshal(m, json.Deterministic(true), jsontext.WithIndent(" "))
	return append(data, '\n'), err
}

// parseManifest reads a manifest strictly. Its errors carry malformed,
// too_large or schema_invalid.
func parseManifest(data []byte) (*Manifest, error) {
	canonical, err := jcs.Canonicalize(data, maxManifestBytes)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(canonical, m, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, manifestName, "%v", err)
	}
	if m.Archive != Version {
		return nil, verdict.Errorf(verdict.SchemaInvalid, manifestName, "archive must be %q", Version)
	}
	if len(m.Files) > maxFiles {
		return nil, verdict.Errorf(verdict.TooLarge, manifestName, "has over %d files", maxFiles)
	}
	for _, f := range m.Files {
		sum, err := hex.DecodeString(f.SHA256)
		if err != nil || len(sum) != 32 || strings.ToLower(f.SHA256) != f.SHA256 || f.Bytes < 0 || !isPath(f.Path) {
			return nil, verdict.Errorf(verdict.SchemaInvalid, manifestName, "lists %q with a path, size or hash that is none", f.Path)
		}
	}
	return m, nil
}

// isPath accepts what the writer writes: a few levels of plain names. So no
// archive leads out of the folder that somebody unpacks it into.
func isPath(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name[0] == '.' || name[len(name)-1] == '.' || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
			return false
		}
	}
	return len(path) < 256
}
