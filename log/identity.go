package log

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/storage/driver"
)

// What may be wrong with data, configuration and keys that were put together.
var (
	// ErrForeignKeys says that others than the log's keys signed what is published.
	ErrForeignKeys = errors.New("the published checkpoint is not signed by these log keys")
	// ErrOtherLog says that they have different origins.
	ErrOtherLog = errors.New("they are not of one log")
)

// identify finds out whose data this is, before anything is signed: nobody who
// knows the log would believe other keys (I5). Where the keys are not those of the
// data, and the keys that readers know are, the log refuses to sign and can be
// read; where nobody's are it cannot be opened.
func (l *Log) identify() error {
	signed, err := l.onRecord()
	if err != nil {
		return err
	}
	why := l.checkIdentity(signed)
	if why == nil {
		l.witnesses.policy, err = l.opts.witnessed(l.policy)
		return err
	}
	known, err := policy.ForLog(l.opts.knownKeys(l.db.Origin())...)
	if err != nil || signed == nil {
		return why
	}
	if _, err := known.Verify(signed); err != nil {
		return why
	}
	l.policy, l.witnesses.policy = known, known
	l.refuse(why, doKeys)
	return nil
}

// onRecord returns the published checkpoint, nil if there is none yet.
func (l *Log) onRecord() ([]byte, error) {
	tree, err := driver.OpenReader(l.db)
	if err != nil {
		return nil, err
	}
	signed, err := tree.ReadCheckpoint(context.Background())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return signed, err
}

// checkIdentity holds data, configuration and keys against each other, and sets the
// policy that trusts the log's keys, present and past.
func (l *Log) checkIdentity(signed []byte) error {
	data := l.db.Origin()
	if named := l.opts.Origin; named != "" && named != data {
		return fmt.Errorf("the data is of the log %s, and the configuration is of %s: %w", data, named, ErrOtherLog)
	}
	var vkeys []string
	for _, s := range l.opts.Signers {
		if s.Name() != data {
			return fmt.Errorf("the data is of the log %s, and a log key is of %s: %w", data, s.Name(), ErrOtherLog)
		}
		vkeys = append(vkeys, s.Verifier().VKey())
	}
	signing, err := policy.ForLog(vkeys...)
	if err != nil {
		return err
	}
	known := l.opts.knownKeys(data)
	if l.policy, err = signing.WithLogs(known...); err != nil || signed == nil {
		return err
	}
	verified, err := signing.Verify(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeignKeys, err)
	}
	for _, vkey := range vkeys {
		// A key that is being rotated in has signed nothing yet, and is announced.
		if !slices.Contains(verified.LogKeys, vkey) && !slices.Contains(known, vkey) {
			return fmt.Errorf("%w: %d of %d have, and readers do not know all of the others", ErrForeignKeys, len(verified.LogKeys), len(vkeys))
		}
	}
	return nil
}

// knownKeys returns the keys of the log of that origin that its readers were given.
func (o *Options) knownKeys(origin string) (vkeys []string) {
	for _, vkey := range o.Known {
		if v, err := checkpoint.NewVerifier(vkey); err == nil && v.Name() == origin {
			vkeys = append(vkeys, vkey)
		}
	}
	return vkeys
}

// witnessed returns the policy that trusts the log's own keys and asks for the
// quorum of witnesses, as those who verify do.
func (o *Options) witnessed(own *policy.Policy) (*policy.Policy, error) {
	if o.Witnesses == nil {
		return own, nil
	}
	var vkeys []string
	for _, l := range own.Logs() {
		vkeys = append(vkeys, l.VKey)
	}
	logs := o.Witnesses.Logs()
	if len(logs) > 0 && !slices.ContainsFunc(logs, func(l policy.Log) bool { return slices.Contains(vkeys, l.VKey) }) {
		return nil, fmt.Errorf("the policy lists %d log keys, and none is of this log, %s", len(logs), o.Signers[0].Name())
	}
	return o.Witnesses.WithLogs(vkeys...)
}
