package log

// Snapshot makes a consistent copy of the data directory, with all that was
// acknowledged before the call, in dir, which must not exist. The log goes on
// meanwhile. Files are hard-linked where possible, so that it takes no time and
// no room.
func (l *Log) Snapshot(dir string) error { return l.db.Backup(dir) }
