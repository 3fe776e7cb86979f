package procurement

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// Archive is an archive opened for reading. It may be used concurrently.
type Archive struct {
	manifest *Manifest
	files    map[string]*zip.File
	listed   map[string]File
	chunks   []string // the files of receipts
	shared   sync.Map // path to content or evidence, of what many receipts share
	kept     atomic.Int64
	bytes    atomic.Int64 // of what is kept
}

// maxShared and maxSharedBytes bound the checkpoints and issuers that are kept in
// memory. Good archives have a few; one with a checkpoint for each receipt is read
// twice.
const (
	maxShared      = 1024
	maxSharedBytes = 64 << 20
)

// Open reads the manifest and holds the archive to it: every file listed is
// there with its size, and no other. Hashes are checked as files are read.
// Errors carry malformed, too_large or schema_invalid.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, verdict.Errorf(verdict.Malformed, "", "not a zip archive: %v", err)
	}
	a := &Archive{files: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		if a.files[f.Name] != nil {
			return nil, verdict.Errorf(verdict.Malformed, f.Name, "stands twice in the archive")
		}
		a.files[f.Name] = f
	}
	f := a.files[manifestName]
	if f == nil {
		return nil, verdict.Errorf(verdict.Malformed, manifestName, "is missing: this is no procurement archive")
	}
	data, err := unzip(f, maxManifestBytes)
	if err != nil {
		return nil, err
	}
	if a.manifest, err = parseManifest(data); err != nil {
		return nil, err
	}
	delete(a.files, manifestName)
	return a, a.match()
}

// match holds the files to the manifest.
func (a *Archive) match() error {
	a.listed = make(map[string]File, len(a.manifest.Files))
	for _, f := range a.manifest.Files {
		have := a.files[f.Path]
		_, twice := a.listed[f.Path]
		switch {
		case twice:
			return verdict.Errorf(verdict.Malformed, manifestName, "lists %s twice", f.Path)
		case have == nil:
			return verdict.Errorf(verdict.Malformed, f.Path, "is in the manifest and not in the archive")
		case have.UncompressedSize64 != uint64(f.Bytes):
			return verdict.Errorf(verdict.Malformed, f.Path, "has %d bytes, the manifest says %d", have.UncompressedSize64, f.Bytes)
		}
		a.listed[f.Path] = f
		if strings.HasPrefix(f.Path, receiptsFolder) {
			a.chunks = append(a.chunks, f.Path)
		}
	}
	for path := range a.files {
		if _, ok := a.listed[path]; !ok {
			return verdict.Errorf(verdict.Malformed, path, "is in the archive and not in the manifest")
		}
	}
	return nil
}

// Manifest returns what the archive says of itself.
func (a *Archive) Manifest() *Manifest { return a.manifest }

// Files lists the files of receipts.
func (a *Archive) Files() []string { return a.chunks }

// Has reports whether there is a file of this path.
func (a *Archive) Has(path string) bool { return a.files[path] != nil }

// File reads a file, held to the hash in the manifest. limit bounds it.
func (a *Archive) File(path string, limit int64) ([]byte, error) {
	f := a.files[path]
	if f == nil {
		return nil, verdict.Errorf(verdict.Malformed, path, "is not in the archive")
	}
	data, err := unzip(f, limit)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != a.listed[path].SHA256 {
		return nil, verdict.Errorf(verdict.Malformed, path, "is not the file that the manifest lists: its hash differs")
	}
	return data, nil
}

// unzip reads one file of at most limit bytes, whatever its header says.
func unzip(f *zip.File, limit int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(limit) {
		return nil, verdict.Errorf(verdict.TooLarge, f.Name, "has %d bytes, at most %d are allowed", f.UncompressedSize64, limit)
	}
	in, err := f.Open()
	if err != nil {
		return nil, verdict.Errorf(verdict.Malformed, f.Name, "%v", err)
	}
	defer in.Close()
	// The header says how long it is. It gets no more memory on its word than what
	// is compressed can come to.
	size := min(f.UncompressedSize64, f.CompressedSize64*maxDeflate+bytes.MinRead)
	data := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	switch _, err := data.ReadFrom(io.LimitReader(in, limit+1)); {
	case err != nil:
		return nil, verdict.Errorf(verdict.Malformed, f.Name, "%v", err)
	case int64(data.Len()) > limit:
		return nil, verdict.Errorf(verdict.TooLarge, f.Name, "has over %d bytes", limit)
	}
	return data.Bytes(), nil
}

// maxDeflate is how many bytes one compressed byte can come to. SPEC RFC 1951,
// 3.2.5: 258 bytes take two bits at least.
const maxDeflate = 258 * 4

// Receipts reads one file of receipts and puts each together with all that
// proves it; that this can be done proves nothing yet. Names are as in
// "receipts/1a2b3c4d/000000000012.ndjson:7". A receipt that cannot be put together
// comes with an error that has a code; where the file itself cannot be read
// there is one error for all of it.
func (a *Archive) Receipts(path string) iter.Seq2[string, Receipt] {
	return func(yield func(string, Receipt) bool) {
		data, err := a.File(path, chunkBytes+2*maxLineBytes)
		if err != nil {
			yield(path, Receipt{Err: err})
			return
		}
		n := 0
		for text := range bytes.Lines(data) {
			n++
			name := fmt.Sprintf("%s:%d", path, n)
			// Without the end of the line it is as the writer made it: canonical, and
			// not to be put in order again.
			if !yield(name, a.assemble(name, bytes.TrimSuffix(text, []byte("\n")))) {
				return
			}
		}
	}
}

// Receipt is a receipt read from an archive, or why it could not be.
type Receipt struct {
	Bundle *bundle.Bundle
	// Read is the receipt of the bundle where it was parsed on the way, else nil.
	Read *receipt.Receipt
	Err  error
}

// assemble makes a bundle of a line.
func (a *Archive) assemble(name string, text []byte) Receipt {
	l, ok := scanLine(text)
	if !ok {
		var err error
		if l, err = parseLine(name, text); err != nil {
			return Receipt{Err: err}
		}
	}
	b := &l.bundle
	var err error
	if b.Checkpoint, err = a.checkpoint(l.checkpoint); err == nil && l.issuer != "" {
		b.Issuer, err = a.issuer(l.issuer)
	}
	if err != nil {
		return Receipt{Err: err}
	}
	return Receipt{Bundle: b, Read: l.receipt}
}

// parseLine reads a line in any JSON form.
func parseLine(name string, text []byte) (out scanned, err error) {
	var l line
	if err := parsePart(name, text, maxLineBytes, &l); err != nil {
		return out, err
	}
	out.checkpoint, out.issuer = l.Checkpoint, l.Issuer
	out.bundle = bundle.Bundle{Receipt: l.Receipt, Entry: l.Entry, Index: l.Index}
	if out.bundle.Hashes, err = decodeHashes(name, l.Inclusion); err != nil {
		return out, err
	}
	out.bundle.Salt, err = decodeSalt(name, l.Salt)
	return out, err
}

func (a *Archive) checkpoint(path string) ([]byte, error) {
	if have, ok := a.shared.Load(path); ok {
		if data, ok := have.([]byte); ok {
			return data, nil
		}
	}
	data, err := a.File(path, checkpoint.MaxSignedBytes)
	if err == nil {
		a.share(path, data, len(data))
	}
	return data, err
}

func (a *Archive) share(path string, v any, size int) {
	if a.kept.Add(1) <= maxShared && a.bytes.Add(int64(size)) <= maxSharedBytes {
		a.shared.Store(path, v)
	}
}

func (a *Archive) issuer(path string) (*bundle.IssuerEvidence, error) {
	if have, ok := a.shared.Load(path); ok {
		if e, ok := have.(*bundle.IssuerEvidence); ok {
			return e, nil
		}
	}
	data, err := a.File(path, maxIssuerBytes)
	if err != nil {
		return nil, err
	}
	var part issuerPart
	if err := parsePart(path, data, maxIssuerBytes, &part); err != nil {
		return nil, err
	}
	e := &bundle.IssuerEvidence{Entry: part.Entry, Index: part.Index}
	if e.Hashes, err = decodeHashes(path, part.Inclusion); err != nil {
		return nil, err
	}
	a.share(path, e, len(data))
	return e, nil
}
