package driver

import (
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
)

// FrozenName is the name in package cas of the last checkpoint of a log that is
// frozen for good.
const FrozenName = "frozen"

// ErrFrozen says that a log is frozen: nothing is signed any more.
var ErrFrozen = errors.New("log is frozen for good")

// Frozen returns the last checkpoint of a log that was frozen, or nil.
func (r *Reader) Frozen() ([]byte, error) {
	signed, err := r.db.Get(kv.CheckpointKey(FrozenName))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("look whether the log is frozen: %w", err)
	}
	return signed, nil
}

// Freeze records durably that the published checkpoint is the last one, for good:
// a driver that starts after that signs nothing. Everything must be published, and
// nothing may be added any more.
func (d *Driver) Freeze() error {
	size, root := d.Reader.Tree()
	pub := d.Reader.published.Load()
	if pub.signed == nil || pub.size != size || pub.root != root {
		return fmt.Errorf("freeze: %d entries of %d are published", pub.size, size)
	}
	if err := d.publisher.store.Replace(FrozenName, nil, pub.signed); errors.Is(err, cas.ErrConflict) {
		return ErrFrozen
	} else if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	return nil
}

// refused returns why nothing may be signed now, or nil.
func (p *publisher) refused() error {
	if p.frozen {
		return ErrFrozen
	}
	return p.opts.Refused()
}
