package log

import (
	"context"

	"github.com/armalo/receiptlog/log/seen"
	"github.com/armalo/receiptlog/storage/driver"
)

// Snapshot makes a consistent copy of the data directory, with all that was
// acknowledged before the call, in dir, which must not exist. The log goes on
// meanwhile. Files are hard-linked where possible, so that it takes no time and
// no room.
func (l *Log) Snapshot(dir string) error { return l.db.Backup(dir) }

// checkSeen enforces I5 before anything can be signed: the log's data extends
// every checkpoint that somebody has seen of it.
func (l *Log) checkSeen() error {
	if len(l.opts.Seen) == 0 {
		return nil
	}
	tree, err := driver.OpenReader(l.db)
	if err != nil {
		return err
	}
	for _, signed := range l.opts.Seen {
		if err := seen.Check(context.Background(), tree, l.policy, signed); err != nil {
			return err
		}
	}
	return nil
}
