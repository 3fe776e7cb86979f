package fsck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/armalo/receiptlog/log/cosign"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// keyspace is a kind of rows of which every entry of one kind has exactly one.
type keyspace struct {
	what, name   string
	lower, upper []byte
	leaf         func(key, value []byte) uint64
	want         uint64 // how many entries have such a row
}

// checkStrays looks for rows that belong to no entry. The rows that entries
// must have were looked for one by one before, so that a keyspace with more
// rows than entries has strays.
func (c *checker) checkStrays() {
	const last = ^uint64(0)
	byKey := func(key, _ []byte) uint64 { return kv.KeyIndex(key) }
	derived := kv.IndexBounds()
	kept := c.report.Receipts - c.report.Erased
	for _, k := range []keyspace{
		{"index", "receipts", derived[0][0], derived[0][1], byValue, kept},
		{"index", "runs", derived[1][0], derived[1][1], byKey, kept},
		{"index", "issuers", derived[2][0], derived[2][1], byKey, c.report.Documents},
		{"body", "bodies", kv.BodyKey(0), kv.BodyKey(last), byKey, kept},
		{"body", "body keys", kv.BodyKeyKey(0), kv.BodyKeyKey(last), byKey, kept},
		{"body", "erasures", kv.ErasedKey(0), kv.ErasedKey(last), byKey, c.report.Erased},
	} {
		c.checkKeyspace(k)
	}
	c.checkCheckpointRows()
}

// checkCheckpointRows looks at what stands beside the published checkpoint: the
// sizes that witnesses cosigned.
func (c *checker) checkCheckpointRows() {
	lower, upper := kv.CheckpointBounds()
	err := c.db.Scan(lower, upper, func(key, value []byte) error {
		name := kv.CheckpointName(key)
		if name == driver.PublishedName {
			return nil // it is checked by itself
		}
		if name == driver.FrozenName {
			c.checkFrozen(value)
			return nil
		}
		ours, err := cosign.CheckRow(name, value)
		if !ours {
			err = errors.New("no such row is known")
		}
		if err != nil {
			c.report.damage("checkpoint", name, err)
		}
		return nil
	})
	if err != nil {
		c.report.damage("checkpoint", "", err)
	}
}

// checkFrozen compares the last checkpoint of a frozen log with the published one.
func (c *checker) checkFrozen(signed []byte) {
	verified, err := c.opts.Policy.Verify(signed)
	if err == nil && (verified.Checkpoint.Size != c.published || verified.Checkpoint.Root != c.root) {
		err = fmt.Errorf("the log is frozen at %d entries, and %d are published", verified.Checkpoint.Size, c.published)
	}
	if err != nil {
		c.report.damage("checkpoint", driver.FrozenName, err)
	}
}

// byValue reads the leaf of a receipt's row, which is its value.
func byValue(_, value []byte) uint64 {
	if len(value) != 8 {
		return ^uint64(0) // no entry is there, so it is reported
	}
	return binary.BigEndian.Uint64(value)
}

func (c *checker) checkKeyspace(k keyspace) {
	var rows uint64
	err := c.db.Scan(k.lower, k.upper, func(key, value []byte) error {
		rows++
		if at := k.leaf(key, value); at >= c.report.Size {
			c.report.damage(k.what, strconv.FormatUint(at, 10), fmt.Errorf("%s has a row for this entry, which the tree does not have", k.name))
		}
		return nil
	})
	if err == nil && rows > k.want {
		err = fmt.Errorf("has %d rows for %d entries", rows, k.want)
	}
	if err != nil {
		c.report.damage(k.what, k.name, err)
	}
}
