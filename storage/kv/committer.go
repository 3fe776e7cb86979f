package kv

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// committer is the one goroutine that applies batches. When Pebble cannot go on
// in the middle of that, it ends or parks the goroutine that called, with its
// locks held; it must be this one and not that of a caller, who would never
// learn what happened. Only applying is serial: callers wait for their syncs
// side by side, and share them.
type committer struct {
	fatal   *fatal
	pebble  *pebble.DB
	commits chan commit
}

type commit struct {
	batch   *pebble.Batch
	options *pebble.WriteOptions
	done    chan error
}

func newCommitter(f *fatal, db *pebble.DB) *committer {
	c := &committer{fatal: f, pebble: db, commits: make(chan commit)}
	go c.run()
	return c
}

// close ends the goroutine. No commit may be running or follow.
func (c *committer) close() { close(c.commits) }

// commit applies a batch, or returns the error of the failed database.
func (c *committer) commit(request commit) error {
	if err := c.fatal.get(); err != nil {
		return err
	}
	select {
	case c.commits <- request:
	case <-c.fatal.failed:
		return c.fatal.err
	}
	select {
	case err := <-request.done:
		return err
	case <-c.fatal.failed:
		return c.fatal.err
	}
}

func (c *committer) run() {
	for request := range c.commits {
		request.done <- c.apply(request)
	}
}

func (c *committer) apply(request commit) (err error) {
	if err := c.fatal.get(); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = c.fatal.fail(fmt.Errorf("apply batch: %v", r))
		}
	}()
	if request.options.Sync {
		err = c.pebble.ApplyNoSyncWait(request.batch, request.options)
	} else {
		err = c.pebble.Apply(request.batch, request.options)
	}
	if err != nil {
		return c.fatal.fail(fmt.Errorf("apply batch: %w", err))
	}
	return nil
}
