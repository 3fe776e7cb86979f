package driver

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/kv"
)

// Amendment adds signature lines to a checkpoint that was published. It is given
// the note as it stands and returns the longer one, or nil where there is nothing
// to add. It runs on the publisher's goroutine and must return soon.
type Amendment func(signed []byte) []byte

// maxAmendments bounds what waits while the publisher is busy with its witnesses:
// a policy has a few dozen of them.
const maxAmendments = 128

type amendments struct {
	mu      sync.Mutex
	waiting []amendment
}

type amendment struct {
	treeState
	amend Amendment
}

// Amend has a published checkpoint of that tree amended, the one that is served
// and the one that is kept, and returns before that is done. Where no such
// checkpoint is kept any more nothing happens. OnPublish is called again for the
// one that is served.
func (d *Driver) Amend(size uint64, root [tile.HashSize]byte, amend Amendment) {
	p := d.publisher
	p.amends.mu.Lock()
	if len(p.amends.waiting) < maxAmendments {
		p.amends.waiting = append(p.amends.waiting, amendment{treeState{size: size, root: root}, amend})
	}
	p.amends.mu.Unlock()
	select {
	case p.amended <- struct{}{}:
	default: // it knows
	}
}

// amend makes all amendments that wait. What fails is only less than could be.
func (p *publisher) amend() {
	p.amends.mu.Lock()
	waiting := p.amends.waiting
	p.amends.waiting = nil
	p.amends.mu.Unlock()
	for _, a := range waiting {
		if err := p.amendOne(a); err != nil {
			p.opts.Logger.Warn("late cosignatures are lost", "size", a.size, "err", err)
		}
	}
}

func (p *publisher) amendOne(a amendment) error {
	pub := p.reader.published.Load()
	if pub.signed == nil || pub.size != a.size || pub.root != a.root {
		return p.amendKept(a)
	}
	longer := a.amend(bytes.Clone(pub.signed))
	if longer == nil {
		return nil
	}
	if err := checkBody(longer, p.db.Origin(), &a.treeState); err != nil {
		return err
	}
	return p.replace(newPublication(pub.treeState, pub.at, longer))
}

// amendKept amends a checkpoint that a later one has replaced.
func (p *publisher) amendKept(a amendment) error {
	var key, signed []byte
	lower, upper := kv.PublishedBounds(a.size, a.size+1)
	err := p.db.Last(lower, upper, func(k, v []byte) error {
		key, signed = bytes.Clone(k), bytes.Clone(v)
		return nil
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read kept checkpoint: %w", err)
	}
	if err := checkBody(signed, p.db.Origin(), &a.treeState); err != nil {
		return err
	}
	longer := a.amend(signed)
	if longer == nil {
		return nil
	}
	if err := checkBody(longer, p.db.Origin(), &a.treeState); err != nil {
		return err
	}
	b := p.db.NewBatch()
	b.Set(key, longer)
	return b.Commit(true)
}
