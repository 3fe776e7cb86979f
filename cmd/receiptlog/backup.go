package main

import (
	"bufio"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// backupNote is kept in the database of a backup.
type backupNote struct {
	TakenAt time.Time `json:"takenAt"`
	Size    uint64    `json:"size"` // entries
}

func newBackup() *cobra.Command {
	var dir, to string
	cmd := &cobra.Command{
		Use:   "backup --dir DIR --to DIR",
		Short: "copy a log, running or not",
		Long: `Backup makes a consistent copy of a log in a new directory. The log may run
meanwhile: it is asked for a snapshot on the socket receiptlog.sock in its
directory. Everything acknowledged before the backup began is in it.

The copy shares no file with the log, and a directory of that name exists only
once the copy is whole, on disk, and has been opened. It holds everything but
the two key files: whoever has those can sign as the log, so keep copies of them
in a safe place, once, apart from the backups.

A backup also keeps what is erased from the log later. Delete backups when the
longest notice for an erasure has passed.

A backup cannot be served. Make it a log again with "receiptlog restore".

Exit status: 0 made, 1 not made, 2 usage, 3 the log can be neither asked nor
opened.`,
		Example: `  receiptlog backup --dir /var/lib/receiptlog --to /backup/receiptlog-2026-05-12
  receiptlog fsck --dir /backup/receiptlog-2026-05-12`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return backup(cmd, dir, to) },
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the log's `directory`")
	cmd.Flags().StringVar(&to, "to", "", "`directory` to make the backup in; it must not exist")
	return cmd
}

func backup(cmd *cobra.Command, dir, to string) error {
	if dir == "" || to == "" {
		return exit.Misused(cmd, "say which log to copy and where, with --dir and --to")
	}
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return exit.With(exit.Bad, fmt.Errorf("%s exists already and was left as it is", to), "each backup has a directory of its own")
	}
	from, done, err := takeSnapshot(dir, c.Origin)
	if err != nil {
		return err
	}
	defer done()
	note, err := makeBackup(dir, from, to, c.Origin)
	if err != nil {
		return fmt.Errorf("make backup: %w", err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), `backed up %s: %d entries, in %s
the keys are not in it: keep copies of %s in a safe place
check it with: receiptlog fsck --dir %[3]s
`, c.Origin, note.Size, to, strings.Join(c.Keys, " and "))
	return err
}

// takeSnapshot returns a folder that holds a snapshot of the data of a log, until
// done is called: the running log makes it, else we do.
func takeSnapshot(dir, origin string) (folder string, done func(), err error) {
	folder, done, err = askSnapshot(dir)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return folder, done, err
	}
	db, err := kv.Open(filepath.Join(dir, dataName), kv.Options{Origin: origin})
	if errors.Is(err, kv.ErrLocked) {
		return "", nil, exit.With(exit.CannotTell, err, "another receiptlog uses the log and does not answer; is it starting, or checking?")
	} else if err != nil {
		return "", nil, exit.With(exit.CannotTell, err, "")
	}
	folder, err = snapshot(dir, db.Backup)
	if err = errors.Join(err, db.Close()); err != nil {
		return "", nil, err
	}
	return folder, func() { os.RemoveAll(folder) }, nil
}

// askSnapshot asks the running log. The snapshot lasts until we hang up.
func askSnapshot(dir string) (folder string, done func(), err error) {
	var conn net.Conn
	err = atSocket(dir, func(path string) (err error) {
		conn, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if _, err = conn.Write([]byte(adminSnapshot)); err == nil {
		folder, err = bufio.NewReader(conn).ReadString('\n')
	}
	if why, refused := strings.CutPrefix(folder, "error "); refused {
		err = fmt.Errorf("the log makes no snapshot: %s", strings.TrimSpace(why))
	}
	if err != nil {
		return "", nil, errors.Join(err, conn.Close())
	}
	return strings.TrimSuffix(strings.TrimPrefix(folder, "ok "), "\n"), func() { conn.Close() }, nil
}

// makeBackup copies a snapshot and what stands beside the data. The name to
// appears last, when all is there.
func makeBackup(dir, snapshot, to, origin string) (note backupNote, err error) {
	partial := to + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return note, err
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return note, err
	}
	defer os.RemoveAll(partial) // there no more if all went well
	if err := copyBeside(dir, partial); err != nil {
		return note, err
	}
	data := filepath.Join(partial, dataName)
	if err := copyDurably(filepath.Join(snapshot, dataName), data); err != nil {
		return note, err
	}
	note.TakenAt = time.Now().UTC()
	if note.Size, err = treeSize(data, origin); err != nil {
		return note, err
	}
	text, err := json.Marshal(note)
	if err != nil {
		return note, err
	}
	if err := kv.MarkBackup(data, kv.Options{Origin: origin}, text); err != nil {
		return note, err
	}
	if err := errors.Join(durable.SyncDir(partial), os.Rename(partial, to)); err != nil {
		return note, err
	}
	return note, durable.SyncDir(filepath.Dir(to))
}

// copyBeside copies what stands beside the data and is no secret, unless it is
// there already.
func copyBeside(from, to string) error {
	for _, name := range []string{configName, policyName, issuersName} {
		if _, err := os.Lstat(filepath.Join(to, name)); err == nil {
			continue
		}
		err := copyDurably(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// treeSize opens the copy and reads how many entries it has.
func treeSize(data, origin string) (uint64, error) {
	db, err := kv.Open(data, kv.Options{Origin: origin, ReadOnly: true})
	if err != nil {
		return 0, err
	}
	reader, err := driver.OpenReader(db)
	if err != nil {
		return 0, errors.Join(err, db.Close())
	}
	size, _ := reader.Tree()
	return size, db.Close()
}
