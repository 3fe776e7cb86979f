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

// ErrForeignKeys says that the data is not of the log that the configuration and
// the keys are of.
var ErrForeignKeys = errors.New("the published checkpoint is not signed by these log keys")

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
	known, err := l.opts.known(l.db.Origin())
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
// policy that trusts the keys.
func (l *Log) checkIdentity(signed []byte) (err error) {
	data := l.db.Origin()
	if named := l.opts.Origin; named != "" && named != data {
		return fmt.Errorf("the data is of the log %s, and the configuration is of %s", data, named)
	}
	var vkeys []string
	for _, s := range l.opts.Signers {
		if s.Name() != data {
			return fmt.Errorf("the data is of the log %s, and a log key is of %s", data, s.Name())
		}
		vkeys = append(vkeys, s.Verifier().VKey())
	}
	if l.policy, err = policy.ForLog(vkeys...); err != nil || signed == nil {
		return err
	}
	verified, err := l.policy.Verify(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeignKeys, err)
	}
	if got, want := len(verified.LogKeys), len(vkeys); got != want {
		return fmt.Errorf("%w: %d of %d have", ErrForeignKeys, got, want)
	}
	return nil
}

// known returns the policy that trusts the keys that readers of the log of that
// origin were given.
func (o *Options) known(origin string) (*policy.Policy, error) {
	var vkeys []string
	for _, vkey := range o.Known {
		if v, err := checkpoint.NewVerifier(vkey); err == nil && v.Name() == origin {
			vkeys = append(vkeys, vkey)
		}
	}
	return policy.ForLog(vkeys...)
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
