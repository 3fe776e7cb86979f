package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/armalo/receiptlog/log"
)

// A running log is asked for a snapshot on a Unix socket in its directory, which
// only its owner can reach. The whole conversation is
//
//	asked:    "snapshot\n"
//	answered: "ok <folder>\n", or "error <why>\n"
//
// The folder is the log's own, beside the data, and is removed when whoever asked
// hangs up: nothing is left behind by a backup that was broken off.
const (
	adminName      = "receiptlog.sock"
	adminSnapshot  = "snapshot\n"
	snapshotPrefix = ".snapshot-"
	// adminTimeout bounds the waiting for the question. A backup may take hours.
	adminTimeout = 10 * time.Second
	// maxSocketPath is what fits a socket's address on every Unix.
	maxSocketPath = 100
)

// admin answers on the socket of one log.
type admin struct {
	dir      string
	log      *log.Log
	logger   *slog.Logger
	listener net.Listener

	mu     sync.Mutex // held while a snapshot is made
	closed bool
}

// startAdmin listens in the log's directory, which this process owns. A log that
// cannot be asked for backups runs all the same, and says so.
func startAdmin(dir string, l *log.Log, logger *slog.Logger) *admin {
	a := &admin{dir: dir, log: l, logger: logger}
	err := a.listen()
	if err != nil {
		logger.Warn("no backups while the log runs", "error", err)
		return a
	}
	go a.serve()
	return a
}

func (a *admin) listen() error {
	if err := removeSnapshots(a.dir); err != nil {
		return err
	}
	return atSocket(a.dir, func(path string) (err error) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // else it is what a killed server left
		}
		if a.listener, err = net.Listen("unix", path); err != nil {
			return err
		}
		return os.Chmod(path, 0o600)
	})
}

// Close stops answering. The log may be closed afterwards.
func (a *admin) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.listener == nil {
		return nil
	}
	err := a.listener.Close()
	_ = os.Remove(filepath.Join(a.dir, adminName)) // gone already, mostly
	return errors.Join(err, removeSnapshots(a.dir))
}

func (a *admin) serve() {
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			return // closed
		}
		go a.answer(conn)
	}
}

func (a *admin) answer(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(adminTimeout))
	asked, err := bufio.NewReader(io.LimitReader(conn, 64)).ReadString('\n')
	if err != nil || asked != adminSnapshot {
		fmt.Fprintf(conn, "error this log answers to %q only\n", strings.TrimSpace(adminSnapshot))
		return
	}
	conn.SetDeadline(time.Time{})
	dir, err := a.snapshot()
	if err != nil {
		a.logger.Error("no snapshot", "error", err)
		fmt.Fprintf(conn, "error %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	defer os.RemoveAll(dir)
	a.logger.Info("backup begins", "snapshot", dir)
	fmt.Fprintf(conn, "ok %s\n", dir)
	io.Copy(io.Discard, conn) // until it is done, or dead
	a.logger.Info("backup ends", "snapshot", dir)
}

func (a *admin) snapshot() (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return "", log.ErrClosed
	}
	return snapshot(a.dir, a.log.Snapshot)
}

// snapshot makes a snapshot of the data in a new folder of the log's directory.
func snapshot(dir string, make func(to string) error) (string, error) {
	folder, err := os.MkdirTemp(dir, snapshotPrefix)
	if err != nil {
		return "", err
	}
	if folder, err = filepath.Abs(folder); err == nil {
		err = make(filepath.Join(folder, dataName))
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	return folder, nil
}

// removeSnapshots removes what backups of an earlier run left.
func removeSnapshots(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, snapshotPrefix+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// atSocket calls f with a path to the socket in dir that is short enough for an
// address: a long one is reached through an open folder.
func atSocket(dir string, f func(path string) error) error {
	if path := filepath.Join(dir, adminName); len(path) <= maxSocketPath {
		return f(path)
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), adminName))
}
