package witness

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
)

// Log is a log that the witness knows.
type Log struct {
	Origin  string    `json:"origin"`
	Keys    []string  `json:"keys"`             // vkeys, any of which may sign
	PerDay  uint64    `json:"perDay,omitzero"`  // agreed requests a day; 0 means the witness's default
	Contact string    `json:"contact,omitzero"` // for people
	Added   time.Time `json:"added"`            // first added, in whole seconds UTC
	Removed time.Time `json:"removed,omitzero"` // not served since; zero while served
}

// MaxLogKeys bounds the keys of one log: two algorithms and a rotation need four.
const MaxLogKeys = 16

// ErrNoLog is returned where a log is named that was never added.
var ErrNoLog = errors.New("no such log")

// Change says what AddLog did.
type Change string

// What AddLog may do.
const (
	Added     Change = "added"
	Restored  Change = "restored" // it had been removed; its state was kept
	Updated   Change = "updated"  // it has more keys or other terms now
	Unchanged Change = "unchanged"
)

// AddLog adds a log, or adds keys to a log already known, and makes it durable.
// An empty Origin means the name of the first key. The keys of a log are never
// taken away by adding; see [Witness.RemoveLog]. Its state is never touched: a
// log that was removed and is added again goes on where it ended.
func (w *Witness) AddLog(l Log) (Change, error) {
	if err := checkLog(&l); err != nil {
		return "", err
	}
	change := Unchanged
	err := w.store.Update(logRow+HashOrigin(l.Origin), func(_ *kv.Batch, current []byte) ([]byte, error) {
		next, what, err := w.merge(current, l)
		change = what
		if err != nil || what == Unchanged {
			return nil, err
		}
		return json.Marshal(next)
	})
	if err != nil {
		return "", fmt.Errorf("add log: %w", err)
	}
	if change == Added || change == Restored {
		w.served.Add(1)
	}
	return change, nil
}

// merge returns the row of a log after l was added to the current one, if any.
func (w *Witness) merge(current []byte, l Log) (Log, Change, error) {
	now := w.opts.Now().UTC().Truncate(time.Second)
	if current == nil {
		l.Added, l.Removed = now, time.Time{}
		return l, Added, nil
	}
	next, err := decodeLog(current)
	if err != nil {
		return Log{}, "", err
	}
	change := Unchanged
	if !next.Removed.IsZero() {
		// Who removed a log may have lost trust in its keys: they start afresh.
		next.Keys, next.Removed, change = nil, time.Time{}, Restored
	}
	for _, key := range l.Keys {
		if !slices.Contains(next.Keys, key) {
			next.Keys = append(next.Keys, key)
			change = later(change)
		}
	}
	if l.PerDay != 0 && l.PerDay != next.PerDay {
		next.PerDay, change = l.PerDay, later(change)
	}
	if l.Contact != "" && l.Contact != next.Contact {
		next.Contact, change = l.Contact, later(change)
	}
	return *next, change, checkLog(next)
}

func later(c Change) Change {
	if c == Unchanged {
		return Updated
	}
	return c
}

// RemoveLog stops serving a log, durably. What the witness cosigned of it is
// kept for good, else adding the log again could roll it back.
func (w *Witness) RemoveLog(origin string) error {
	err := w.store.Update(logRow+HashOrigin(origin), func(_ *kv.Batch, current []byte) ([]byte, error) {
		if current == nil {
			return nil, ErrNoLog
		}
		l, err := decodeLog(current)
		if err != nil {
			return nil, err
		}
		if !l.Removed.IsZero() {
			return nil, fmt.Errorf("%w: it was removed on %s", ErrNoLog, l.Removed.Format(time.DateOnly))
		}
		l.Removed = w.opts.Now().UTC().Truncate(time.Second)
		return json.Marshal(l)
	})
	if err != nil {
		return fmt.Errorf("remove log %q: %w", origin, err)
	}
	w.served.Add(-1)
	return nil
}

// Served returns the number of logs that are served.
func (w *Witness) Served() int { return int(w.served.Load()) }

func (w *Witness) countLogs() error {
	return w.eachLog("", func(_ string, l *Log) error {
		if l.Removed.IsZero() {
			w.served.Add(1)
		}
		return nil
	})
}

// lookup returns a log that is served, or a refusal for the reason UnknownLog.
func (w *Witness) lookup(origin string) (*Log, error) {
	row, err := w.store.Get(logRow + HashOrigin(origin))
	if errors.Is(err, cas.ErrNotFound) {
		return nil, refuse(UnknownLog, "this witness does not know the log %q", origin)
	} else if err != nil {
		return nil, fmt.Errorf("look up log: %w", err)
	}
	l, err := decodeLog(row)
	if err != nil {
		return nil, err
	}
	if !l.Removed.IsZero() {
		return nil, refuse(UnknownLog, "this witness no longer serves the log %q", origin)
	}
	return l, nil
}

// Status is a log and what the witness has seen of it.
type Status struct {
	Log
	Size     uint64    `json:"size"`
	Root     string    `json:"root,omitzero"`     // base64; empty if never cosigned
	Cosigned time.Time `json:"cosigned,omitzero"` // when last
	Forked   bool      `json:"forked,omitzero"`   // there is proof that the log misbehaved
}

// Logs calls visit for the logs whose hash is at least from, in the order of
// their hashes, removed ones included, until visit returns an error, which Logs
// then returns. It is for the operator: it may see a cosigning that is not
// durable yet.
func (w *Witness) Logs(from string, visit func(hash string, s Status) error) error {
	return w.eachLog(from, func(hash string, l *Log) error {
		s, err := w.status(hash, *l)
		if err != nil {
			return err
		}
		return visit(hash, s)
	})
}

func (w *Witness) eachLog(from string, visit func(hash string, l *Log) error) error {
	err := w.store.Names(logRow+from, func(name string, value []byte) error {
		hash, ok := strings.CutPrefix(name, logRow)
		if !ok {
			return errPastLogs
		}
		l, err := decodeLog(value)
		if err != nil {
			return err
		}
		return visit(hash, l)
	})
	if errors.Is(err, errPastLogs) {
		return nil
	}
	return err
}

// errPastLogs ends the walk over log rows.
var errPastLogs = errors.New("past the last log")

func decodeLog(row []byte) (*Log, error) {
	l := new(Log)
	if err := json.Unmarshal(row, l, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read log row: %w", err)
	}
	return l, nil
}
