package procurement

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// Archive is an archive opened for reading. It may be used concurrently.
type Archive struct {
	manifest *Manifest
	files    map[string]*zip.File
	listed   map[string]File
	names    []string // of receipts, as in proofs/ and receipts/
	shared   sync.Map // path to content or evidence, of what many receipts share
	kept     atomic.Int64
}

// maxShared bounds how many checkpoints and issuers are kept in memory. Good
// archives have a few; one with a checkpoint for each receipt is read twice.
const maxShared = 1024

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
		if name, ok := strings.CutPrefix(f.Path, "receipts/"); ok {
			a.names = append(a.names, name)
		}
	}
	for path := range a.files {
		if _, ok := a.listed[path]; !ok {
			return verdict.Errorf(verdict.Malformed, path, "is in the archive and not in the manifest")
		}
	}
	if len(a.names) != a.manifest.Receipts {
		return verdict.Errorf(verdict.Malformed, manifestName, "speaks of %d receipts, the archive has %d", a.manifest.Receipts, len(a.names))
	}
	return nil
}

// Manifest returns what the archive says of itself.
func (a *Archive) Manifest() *Manifest { return a.manifest }

// Len returns the number of receipts.
func (a *Archive) Len() int { return len(a.names) }

// Name returns the path of the n-th receipt.
func (a *Archive) Name(n int) string { return "receipts/" + a.names[n] }

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
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, verdict.Errorf(verdict.Malformed, f.Name, "%v", err)
	case int64(len(data)) > limit:
		return nil, verdict.Errorf(verdict.TooLarge, f.Name, "has over %d bytes", limit)
	}
	return data, nil
}

// Bundle puts the n-th receipt together with all that proves it. That it can
// be put together proves nothing yet.
func (a *Archive) Bundle(n int) (*bundle.Bundle, error) {
	name := a.names[n]
	text, err := a.File("receipts/"+name, receipt.MaxBytes)
	if err != nil {
		return nil, err
	}
	data, err := a.File("proofs/"+name, maxPartBytes)
	if err != nil {
		return nil, err
	}
	var part proofPart
	if err := parsePart("proofs/"+name, data, &part); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, fmt.Sprintf("/%012d.json", part.Index)) {
		return nil, verdict.Errorf(verdict.Malformed, "proofs/"+name, "is of entry %d", part.Index)
	}
	b := &bundle.Bundle{Receipt: text, Entry: part.Entry, Index: part.Index}
	if b.Hashes, err = decodeHashes("proofs/"+name, part.Inclusion); err != nil {
		return nil, err
	}
	if b.Salt, err = decodeSalt("proofs/"+name, part.Salt); err != nil {
		return nil, err
	}
	if b.Checkpoint, err = a.checkpoint(part.Checkpoint); err != nil || part.Issuer == "" {
		return b, err
	}
	b.Issuer, err = a.issuer(part.Issuer)
	return b, err
}

func (a *Archive) checkpoint(path string) ([]byte, error) {
	if have, ok := a.shared.Load(path); ok {
		if data, ok := have.([]byte); ok {
			return data, nil
		}
	}
	data, err := a.File(path, bundle.MaxBytes)
	if err == nil {
		a.share(path, data)
	}
	return data, err
}

func (a *Archive) share(path string, v any) {
	if a.kept.Add(1) <= maxShared {
		a.shared.Store(path, v)
	}
}

func (a *Archive) issuer(path string) (*bundle.IssuerEvidence, error) {
	if have, ok := a.shared.Load(path); ok {
		if e, ok := have.(*bundle.IssuerEvidence); ok {
			return e, nil
		}
	}
	data, err := a.File(path, maxPartBytes)
	if err != nil {
		return nil, err
	}
	var part issuerPart
	if err := parsePart(path, data, &part); err != nil {
		return nil, err
	}
	e := &bundle.IssuerEvidence{Entry: part.Entry, Index: part.Index}
	if e.Hashes, err = decodeHashes(path, part.Inclusion); err != nil {
		return nil, err
	}
	a.share(path, e)
	return e, nil
}
