package procurement

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"io"
	"strings"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// Writer streams an archive. Close it. After an error it writes nothing more.
// It is for one goroutine at a time.
type Writer struct {
	zip      *zip.Writer
	manifest Manifest
	shared   map[string]bool // checkpoints and issuers written, by path
	last     place           // so that the order is one
	before   sharing
	chunk    chunk
	err      error
}

// chunk is a file of receipts in the making.
type chunk struct {
	origin string
	first  uint64
	lines  int
	data   bytes.Buffer
}

const (
	// chunkLines and chunkBytes end a file of receipts: it is what a reader
	// holds at a time, and what one processor verifies at a time.
	chunkLines = 1000
	chunkBytes = 8 << 20
)

// NewWriter begins an archive. The scope says in words what was asked for, as
// in "organisation acme, from 2026-01-01 to 2026-07-01".
func NewWriter(w io.Writer, scope string) *Writer {
	return &Writer{zip: zip.NewWriter(w), shared: make(map[string]bool),
		manifest: Manifest{Archive: Version, Scope: scope, Absent: []Absence{}, Files: []File{}}}
}

// Add writes a bundle. Bundles come in ascending order of their log's origin
// and then of their index, each once: so there is one archive for one set.
func (w *Writer) Add(b *bundle.Bundle) error {
	if w.err != nil {
		return w.err
	}
	w.err = w.add(b)
	return w.err
}

func (w *Writer) add(b *bundle.Bundle) error {
	if err := w.checkpointOf(b); err != nil {
		return err
	}
	origin := w.before.origin
	if w.last.origin > origin || w.last.origin == origin && w.last.next > b.Index {
		return verdict.Errorf(verdict.Malformed, "index", "entry %d of %s comes out of order, or twice", b.Index, origin)
	}
	w.last = place{origin, b.Index + 1}
	l := line{Checkpoint: w.before.checkpointPath, Entry: b.Entry, Inclusion: encodeHashes(b.Hashes), Index: b.Index, Receipt: b.Receipt, Salt: hex.EncodeToString(b.Salt[:])}
	if b.Issuer != nil {
		if err := w.issuerOf(b); err != nil {
			return err
		}
		l.Issuer = w.before.issuerPath
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return w.line(origin, b.Index, data)
}

// place is where the next receipt may stand, at the earliest.
type place struct {
	origin string
	next   uint64
}

// sharing is what the receipt before shared with others: mostly the next one
// shares the same, and nothing has to be parsed or hashed for it.
type sharing struct {
	checkpoint     []byte
	origin         string
	checkpointPath string
	issuer         *bundle.IssuerEvidence
	issuerPath     string
}

func (w *Writer) checkpointOf(b *bundle.Bundle) error {
	if w.before.origin != "" && bytes.Equal(w.before.checkpoint, b.Checkpoint) {
		return nil
	}
	cp, err := checkpoint.ParseSigned(b.Checkpoint)
	if err != nil {
		return err
	}
	path, err := w.share("checkpoints/", ".txt", b.Checkpoint)
	w.before.checkpoint, w.before.origin, w.before.checkpointPath = b.Checkpoint, cp.Origin, path
	return err
}

func (w *Writer) issuerOf(b *bundle.Bundle) error {
	if w.before.issuer == b.Issuer {
		return nil
	}
	data, err := json.Marshal(issuerPart{b.Issuer.Entry, encodeHashes(b.Issuer.Hashes), b.Issuer.Index})
	if err != nil {
		return err
	}
	w.before.issuerPath, err = w.share("issuers/", ".json", data)
	w.before.issuer = b.Issuer
	return err
}

// line adds a line to the file of receipts that it belongs to.
func (w *Writer) line(origin string, index uint64, data []byte) error {
	c := &w.chunk
	if c.lines == chunkLines || c.data.Len() > chunkBytes || c.lines > 0 && c.origin != origin {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if c.lines == 0 {
		c.origin, c.first = origin, index
	}
	c.lines++
	c.data.Write(data)
	c.data.WriteByte('\n')
	w.manifest.Receipts++
	return nil
}

// flush writes the file of receipts, if there is one in the making.
func (w *Writer) flush() error {
	c := &w.chunk
	if c.lines == 0 {
		return nil
	}
	// Logs are told apart by the hash of their origin: indices alone would not.
	sum := sha256.Sum256([]byte(c.origin))
	err := w.file(fmt.Sprintf("%s%x/%012d.ndjson", receiptsFolder, sum[:4], c.first), c.data.Bytes())
	c.lines = 0
	c.data.Reset()
	return err
}

// share writes what several receipts need once, under its hash.
func (w *Writer) share(folder, suffix string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	path := folder + hex.EncodeToString(sum[:16]) + suffix
	if w.shared[path] {
		return path, nil
	}
	w.shared[path] = true
	return path, w.file(path, data)
}

// Absent notes a receipt that belongs to the scope and is not in the archive.
func (w *Writer) Absent(a Absence) { w.manifest.note(a) }

// Erasure writes evidence of an erasure, once, and returns its path for the
// absences that it explains.
func (w *Writer) Erasure(e *bundle.Erasure) (path string, err error) {
	if w.err != nil {
		return "", w.err
	}
	path, w.err = w.share("erasures/", ".json", e.Marshal())
	return path, w.err
}

// AddFile writes a report or another file at the top level.
func (w *Writer) AddFile(name string, data []byte) error {
	if !isPath(name) || strings.Contains(name, "/") || name == manifestName || name == readmeName {
		return fmt.Errorf("archive: %q is no name for a file of its own", name)
	}
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err == nil {
		w.err = w.file(name, data)
	}
	return w.err
}

// Copy writes all files of another archive but its README, its manifest and its
// reports, with its absences, so that reports of one's own can be added: it comes
// before all else.
func (w *Writer) Copy(a *Archive) error {
	for _, f := range a.manifest.Files {
		if w.err != nil || f.Path == readmeName || IsReport(f.Path) {
			continue
		}
		var data []byte
		if data, w.err = a.File(f.Path, MaxFileBytes); w.err == nil {
			w.err = w.file(f.Path, data)
		}
	}
	w.manifest.Receipts, w.manifest.Absent = a.manifest.Receipts, a.manifest.Absent
	return w.err
}

// file writes one file. Its time is left out: the archive depends on its
// content alone.
func (w *Writer) file(path string, data []byte) error {
	if len(w.manifest.Files) == maxFiles {
		return verdict.Errorf(verdict.TooLarge, "", "an archive has at most %d files", maxFiles)
	}
	out, err := w.zip.CreateHeader(&zip.FileHeader{Name: path, Method: zip.Deflate})
	if err == nil {
		_, err = out.Write(data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	w.manifest.Files = append(w.manifest.Files, File{path, int64(len(data)), hex.EncodeToString(sum[:])})
	return nil
}

// Close writes README and manifest and ends the archive. It does not close the
// writer beneath.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.err = w.flush(); w.err != nil {
		return w.err
	}
	if w.err = w.file(readmeName, []byte(readme(&w.manifest))); w.err != nil {
		return w.err
	}
	data, err := w.manifest.marshal()
	if err != nil {
		return err
	}
	out, err := w.zip.CreateHeader(&zip.FileHeader{Name: manifestName, Method: zip.Deflate})
	if err == nil {
		_, err = out.Write(data)
	}
	if err == nil {
		err = w.zip.Close()
	}
	w.err = err
	return err
}
