package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/storage/kv"
)

// keyring is where keys are managed: a running log, or the directory of one that
// does not run.
type keyring interface {
	CreateKey(context.Context, api.KeyRequest) (*api.NewKey, error)
	Keys(context.Context) ([]api.Key, error)
	RotateKey(ctx context.Context, id string, r api.RotateRequest) (*api.NewKey, error)
	RevokeKey(ctx context.Context, id string) (*api.Key, error)
	Trail(ctx context.Context, from uint64, limit int) (*api.TrailPage, error)
}

// keyringFlags say which.
type keyringFlags struct {
	operateFlags
	dir string
}

func (f *keyringFlags) add(cmd *cobra.Command) {
	f.operateFlags.add(cmd)
	cmd.Flags().StringVar(&f.dir, "dir", "", "`directory` of a log that does not run, in place of --url")
}

func (f *keyringFlags) open(cmd *cobra.Command) (keyring, error) {
	if f.dir == "" {
		return f.dial(cmd)
	}
	if f.url != "" || f.keyFile != "" {
		return nil, exit.Misused(cmd, "--dir is in place of --url and --key-file")
	}
	c, err := readConfig(f.dir)
	if err != nil {
		return nil, err
	}
	return inDirectory{f.dir, c.Origin}, nil
}

// inDirectory manages the keys of a log that does not run.
type inDirectory struct{ dir, origin string }

// with runs f on the keys of the directory.
func with[T any](d inDirectory, f func(*access.Ring) (T, error)) (result T, err error) {
	err = access.Manage(filepath.Join(d.dir, dataName), kv.Options{Origin: d.origin}, func(r *access.Ring) error {
		result, err = f(r)
		return err
	})
	if errors.Is(err, kv.ErrLocked) {
		return result, exit.With(exit.Bad, err, "if the log runs, ask it: with --url and --key-file in place of --dir")
	}
	if err != nil {
		return result, exit.With(exit.Bad, err, "")
	}
	return result, nil
}

// CreateKey implements keyring.
func (d inDirectory) CreateKey(_ context.Context, q api.KeyRequest) (*api.NewKey, error) {
	return with(d, func(r *access.Ring) (*api.NewKey, error) { return r.Create(access.Console(), q) })
}

// Keys implements keyring.
func (d inDirectory) Keys(context.Context) ([]api.Key, error) {
	return with(d, func(r *access.Ring) ([]api.Key, error) { return r.List(access.Console()) })
}

// RotateKey implements keyring.
func (d inDirectory) RotateKey(_ context.Context, id string, q api.RotateRequest) (*api.NewKey, error) {
	return with(d, func(r *access.Ring) (*api.NewKey, error) { return r.Rotate(access.Console(), id, q) })
}

// RevokeKey implements keyring.
func (d inDirectory) RevokeKey(_ context.Context, id string) (*api.Key, error) {
	return with(d, func(r *access.Ring) (*api.Key, error) { return r.Revoke(access.Console(), id) })
}

// Trail implements keyring.
func (d inDirectory) Trail(_ context.Context, from uint64, limit int) (*api.TrailPage, error) {
	return with(d, func(r *access.Ring) (*api.TrailPage, error) { return r.Trail(access.Console(), from, limit) })
}
