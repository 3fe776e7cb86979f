package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/log/cosign"
	"github.com/armalo/receiptlog/log/seen"
	"github.com/armalo/receiptlog/storage/driver"
)

// ErrRefuses says that the log signs nothing, takes nothing in and erases nothing,
// because it was rolled back, runs beside its own copy, or is not the log of its
// keys (I5). Reading goes on. [Log.Refused] says how the log knows.
var ErrRefuses = errors.New("the log signs nothing until its operator has looked after it; reading goes on")

// Refusal is why a log signs nothing.
type Refusal struct {
	Why error  // how the log knows
	Do  string // what its operator should do; the README's runbook has it at greater length
}

// Error implements error.
func (r *Refusal) Error() string { return r.Why.Error() }

// Unwrap returns Why.
func (r *Refusal) Unwrap() error { return r.Why }

// What an operator should do.
const (
	doNewest = "stop the log; find the newest data directory and start with that, and make sure that no copy of it runs elsewhere; " +
		"if it is lost for good, make a new log with another origin, and say so to whoever relies on this one"
	doWitness = doNewest + "; only if a witness lies, take it out of the policy"
	doSeen    = "stop the log; if the file latest-checkpoint.txt is damaged, remove it, and make sure that this is the newest data directory"
	doKeys    = "stop the log; bring back the configuration and the key files that init made, beside the data that they signed; a log with other keys is another log"
)

// refuse stops all signing. Only the first reason is kept.
func (l *Log) refuse(why error, do string) {
	if l.refused.CompareAndSwap(nil, &Refusal{why, do}) {
		l.logger.Error("REFUSING TO SIGN", "why", why, "do", do)
		l.published.end(ErrRefuses)
	}
}

// Refused returns why the log signs nothing, takes nothing in and erases nothing
// (I5), as a *[Refusal], or nil. It stays so until the log is opened anew.
func (l *Log) Refused() error {
	if r := l.refused.Load(); r != nil {
		return r
	}
	return nil
}

// objected stops all signing if that is what an error of the cosigner means.
func (l *Log) objected(err error) bool {
	rollback, ok := errors.AsType[*cosign.RollbackError](err)
	if ok {
		l.refuse(rollback, doWitness)
	}
	return ok
}

// compare enforces I5 before anything can be signed: the data extends what the log
// has on record as published, and every checkpoint that somebody has seen of it.
func (l *Log) compare() error {
	tree, err := driver.OpenReader(l.db)
	if err != nil {
		return err
	}
	last, err := tree.Frozen()
	if err != nil {
		return err
	}
	l.frozen = last != nil
	switch err := tree.CheckPublished(); {
	case errors.Is(err, driver.ErrRollback):
		l.refuse(err, doNewest)
	case err != nil:
		return err
	}
	for _, signed := range l.opts.Seen {
		switch err := seen.Check(context.Background(), tree, l.policy, signed); {
		case errors.Is(err, seen.ErrRolledBack):
			l.refuse(err, doNewest)
		case errors.Is(err, seen.ErrNotOurs):
			l.refuse(err, doSeen)
		case err != nil:
			return fmt.Errorf("compare with what was seen: %w", err)
		}
	}
	return nil
}
