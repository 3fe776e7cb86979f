package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/log"
)

// seenName is the file beside the data directory that holds the latest checkpoint
// that was published. It is what a log can know by itself of having been rolled
// back (I5): it does not go back when only the data directory does.
const seenName = "latest-checkpoint.txt"

// saveSeenEvery bounds how far the file is behind. It costs two small syncs.
const saveSeenEvery = time.Second

// readSeen returns the checkpoint that was seen last, if any.
func readSeen(dir string) ([][]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, seenName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return [][]byte{data}, nil
}

// keepSeen saves the published checkpoint as it changes, and a last time once
// done is closed. Not to be able to is no reason to stop: the file lags behind
// then. What a log shows that refuses to sign may be older than the file, which is
// left as the evidence it is (I5).
func keepSeen(done <-chan struct{}, dir string, l *log.Log, logger *slog.Logger) {
	var saved []byte
	tick := time.NewTicker(saveSeenEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-done:
			last = true
		}
		p := l.Published()
		if p == nil || l.Refused() != nil || bytes.Equal(p.Signed, saved) {
			continue
		}
		if err := durable.Replace(filepath.Join(dir, seenName), p.Signed, 0o644); err != nil {
			logger.Warn("latest checkpoint not saved beside the data; a roll-back may go unnoticed", "error", err)
			continue
		}
		saved = p.Signed
	}
}
