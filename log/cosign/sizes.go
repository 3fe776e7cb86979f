package cosign

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/storage/kv"
)

// Sizes remembers the size of the checkpoint that each witness cosigned last, by
// the witness's URL. It saves a round trip after a restart and nothing hangs on
// it: a wrong size costs one 409. It may be used concurrently.
type Sizes interface {
	Size(witness string) (uint64, error) // 0 if unknown
	SetSize(witness string, size uint64) error
}

// Memory is Sizes that are forgotten with the process.
type Memory struct{ sizes sync.Map }

// Size implements Sizes.
func (m *Memory) Size(witness string) (uint64, error) {
	size, _ := m.sizes.Load(witness)
	n, _ := size.(uint64)
	return n, nil
}

// SetSize implements Sizes.
func (m *Memory) SetSize(witness string, size uint64) error {
	m.sizes.Store(witness, size)
	return nil
}

// InDatabase returns Sizes that are kept in the log's database, beside its
// checkpoints. They are written without a sync of their own.
func InDatabase(db *kv.DB) Sizes { return inDatabase{db} }

type inDatabase struct{ db *kv.DB }

// sizeRow begins the names of the rows; "witness/<hash of the URL>".
const sizeRow = "witness/"

func sizeKey(witness string) []byte {
	h := sha256.Sum256([]byte(witness))
	return kv.CheckpointKey(sizeRow + hex.EncodeToString(h[:]))
}

// CheckRow checks a row that [InDatabase] keeps under a checkpoint's name, and
// reports whether it is one of its rows at all.
func CheckRow(name string, row []byte) (ours bool, err error) {
	hash, ours := strings.CutPrefix(name, sizeRow)
	if !ours {
		return false, nil
	}
	if raw, err := hex.DecodeString(hash); err != nil || len(raw) != sha256.Size {
		return true, errors.New("row is not named by the hash of a witness's URL")
	}
	_, err = checkpoint.ParseSize(string(row))
	return true, err
}

func (d inDatabase) Size(witness string) (uint64, error) {
	row, err := d.db.Get(sizeKey(witness))
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("read size of witness: %w", err)
	}
	return checkpoint.ParseSize(string(row))
}

func (d inDatabase) SetSize(witness string, size uint64) error {
	b := d.db.NewBatch()
	b.Set(sizeKey(witness), fmt.Append(nil, size))
	return b.Commit(false)
}
