package driver

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Published returns the published checkpoint and the size of its tree. signed is
// nil while nothing is published.
func (d *Driver) Published() (size uint64, signed []byte) {
	p := d.Reader.published.Load()
	return p.size, p.signed
}

// PublishedAt returns when the published checkpoint was published, and the zero
// time while there is none.
func (d *Driver) PublishedAt() time.Time { return d.Reader.published.Load().at }

// AwaitPublished waits for a published checkpoint that covers the leaf at index
// and returns it. It ends early with ctx, with ErrStopped when the driver stops,
// and with the database's error when that fails. It does not poll: thousands may
// wait.
func (d *Driver) AwaitPublished(ctx context.Context, index uint64) (signed []byte, err error) {
	for {
		p := d.Reader.published.Load()
		if p.signed != nil && p.size > index {
			return p.signed, nil
		}
		select {
		case <-p.superseded:
		case <-ctx.Done():
			return nil, fmt.Errorf("await leaf %d to be published: %w", index, context.Cause(ctx))
		case <-d.stopped:
			return nil, fmt.Errorf("await leaf %d to be published: %w", index, d.stopCause())
		}
	}
}

func (d *Driver) stopCause() error {
	if err := d.db.Err(); err != nil {
		return err
	}
	return ErrStopped
}

// Hurry makes the driver publish whatever is integrated at once, from now on,
// without regard to the checkpoint interval. Call it before the shutdown function
// of Tessera, which waits for all leaves to be published.
func (d *Driver) Hurry() { d.publisher.hurry() }

func onceClose(c chan struct{}) func() {
	return sync.OnceFunc(func() { close(c) })
}
