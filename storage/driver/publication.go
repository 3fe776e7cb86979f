package driver

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/kv"
)

// PublishedName is the name of the log's own checkpoint in package cas.
const PublishedName = "log"

// publication is a checkpoint that the world may see. As a record it is u64 size,
// 32 bytes root, u64 unix nanoseconds, and then the signed note.
type publication struct {
	treeState
	at     time.Time
	signed []byte // nil: nothing was published yet
	record []byte // what is stored; nil with signed

	superseded chan struct{} // closed by the publication after this one
}

const publicationHeader = 8 + tile.HashSize + 8

func newPublication(s treeState, at time.Time, signed []byte) *publication {
	record := binary.BigEndian.AppendUint64(nil, s.size)
	record = append(record, s.root[:]...)
	record = binary.BigEndian.AppendUint64(record, uint64(at.UnixNano()))
	record = append(record, signed...)
	return &publication{treeState: s, at: at, signed: signed, record: record, superseded: make(chan struct{})}
}

func parsePublication(record []byte) (*publication, error) {
	if len(record) <= publicationHeader {
		return nil, fmt.Errorf("published checkpoint: %w: its record has %d bytes", ErrCorrupt, len(record))
	}
	s := treeState{size: binary.BigEndian.Uint64(record)}
	copy(s.root[:], record[8:])
	at := time.Unix(0, int64(binary.BigEndian.Uint64(record[8+tile.HashSize:])))
	return newPublication(s, at, bytes.Clone(record[publicationHeader:])), nil
}

// loadPublication reads the published checkpoint, or returns an empty one.
func loadPublication(db *kv.DB) (*publication, error) {
	record, err := db.Get(kv.CheckpointKey(PublishedName))
	if errors.Is(err, kv.ErrNotFound) {
		return &publication{superseded: make(chan struct{})}, nil
	} else if err != nil {
		return nil, fmt.Errorf("published checkpoint: %w", err)
	}
	return parsePublication(record)
}

// checkBody makes sure that a signed note is about that origin and tree, whoever
// made it.
func checkBody(signed []byte, origin string, s *treeState) error {
	// SPEC tlog-checkpoint: origin, size in decimal, base64 of the root; no
	// extension lines, then the blank line before the signatures.
	body := origin + "\n" + strconv.FormatUint(s.size, 10) + "\n" + base64.StdEncoding.EncodeToString(s.root[:]) + "\n\n"
	if !bytes.HasPrefix(signed, []byte(body)) {
		return fmt.Errorf("signed checkpoint is not of %q at size %d with the root of the tree", origin, s.size)
	}
	return nil
}
