package procurement

import (
	"bytes"
	"encoding/json/v2"
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
)

// Logged is an entry with the proof that it is in the log under a checkpoint.
type Logged struct {
	Entry      []byte
	Index      uint64
	Hashes     [][32]byte
	Checkpoint []byte
}

// Retention writes the entries that govern what is kept of the scope: rules and
// holds. It is called once.
func (w *Writer) Retention(entries []Logged) error {
	var data bytes.Buffer
	for _, e := range entries {
		if w.err != nil {
			return w.err
		}
		var path string
		if path, w.err = w.share("checkpoints/", ".txt", e.Checkpoint); w.err != nil {
			return w.err
		}
		text, err := json.Marshal(Governing{path, e.Entry, encodeHashes(e.Hashes), e.Index})
		if err != nil {
			return err
		}
		data.Write(text)
		data.WriteByte('\n')
	}
	return w.AddFile(RetentionName, data.Bytes())
}

// Retention reads what [Writer.Retention] wrote; nothing, if the archive has no
// such file.
func (a *Archive) Retention() ([]Logged, error) {
	if !a.Has(RetentionName) {
		return nil, nil
	}
	data, err := a.File(RetentionName, MaxFileBytes)
	if err != nil {
		return nil, err
	}
	var entries []Logged
	for text := range bytes.Lines(data) {
		name := fmt.Sprintf("%s:%d", RetentionName, len(entries)+1)
		var g Governing
		if err := parsePart(name, text, entry.MaxBytes+maxIssuerBytes, &g); err != nil {
			return nil, err
		}
		e := Logged{Entry: g.Entry, Index: g.Index}
		if e.Hashes, err = decodeHashes(name, g.Inclusion); err != nil {
			return nil, err
		}
		if e.Checkpoint, err = a.checkpoint(g.Checkpoint); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Erasure reads the evidence of an erasure that an absence names.
func (a *Archive) Erasure(path string) (*bundle.Erasure, error) {
	data, err := a.File(path, bundle.MaxBytes)
	if err != nil {
		return nil, err
	}
	return bundle.ParseErasure(data)
}
