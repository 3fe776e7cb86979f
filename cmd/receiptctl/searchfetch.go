package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// fetcher fetches the bundle of each hit, verifies it, and holds the hit against
// it, before it goes on to where hits go.
type fetcher struct {
	cmd    *cobra.Command
	client *api.Client
	policy *policy.Policy
	query  *search.Query
	dir    string
	next   outlet
	bar    *progress
	bad    int
}

func newFetcher(cmd *cobra.Command, client *api.Client, q *search.Query, f searchFlags, next outlet) (outlet, error) {
	p, err := loadPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.bundles, 0o755); err != nil {
		return nil, exit.With(exit.Usage, err, "")
	}
	return &fetcher{cmd: cmd, client: client, policy: p, query: q, dir: f.bundles, next: next,
		bar: newProgress(cmd.ErrOrStderr(), "verified", 0)}, nil
}

func (f *fetcher) add(h search.Hit) error {
	data, err := f.client.Bundle(f.cmd.Context(), h.RunID, api.At(h.Index))
	if err != nil {
		if _, ok := errors.AsType[*api.Problem](err); !ok {
			return refused(err)
		}
	} else if err = f.check(h, data); err == nil {
		name := fmt.Sprintf("%s.%d.bundle.json", fileName(h.RunID), h.Index)
		if err := durable.Replace(filepath.Join(f.dir, name), append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	f.bar.step()
	if err != nil {
		f.bad++
		f.bar.clear()
		fmt.Fprintf(f.cmd.ErrOrStderr(), "receiptctl: error: entry %d, run %s: %v\n", h.Index, plain(h.RunID), err)
		return nil
	}
	return f.next.add(h)
}

// check verifies a bundle, and that the hit was true to it and an answer to what
// was asked.
func (f *fetcher) check(h search.Hit, data []byte) error {
	b, err := bundle.Parse(data)
	if err != nil {
		return err
	}
	v := verify.Bundle(b, verify.Options{Policy: f.policy})
	switch {
	case len(v.Reasons) > 0:
		return fmt.Errorf("the bundle does not verify: %s: %s", v.Reasons[0].Code, v.Reasons[0].Detail)
	case !v.Verified:
		return errors.New("the bundle does not hold enough to verify it")
	}
	r, err := receipt.Parse(b.Receipt)
	if err != nil {
		return err
	}
	opened, err := verify.Opened(b.Entry, b.Salt, b.Receipt)
	if err != nil {
		return err
	}
	told := search.HitOf(r)
	told.Index, told.LoggedAt, told.BundleURL = b.Index, entry.FormatTime(opened.At), h.BundleURL
	if !reflect.DeepEqual(told, h) {
		return errors.New("the log's answer is not what the receipt says")
	}
	at, err := time.Parse(time.RFC3339, told.LoggedAt)
	if err != nil || !f.query.Matches(r, at) {
		return errors.New("the log answered with a receipt that was not asked for")
	}
	return nil
}

func (f *fetcher) end(n int) error {
	f.bar.clear()
	err := f.next.end(n - f.bad)
	if f.bad > 0 {
		return errors.Join(err, exit.With(exit.Bad, fmt.Errorf("%s could not be had or did not hold", counted(f.bad, "bundle")), ""))
	}
	if err == nil {
		fmt.Fprintf(f.cmd.ErrOrStderr(), "%s verified and written to %s\n", counted(n, "bundle"), f.dir)
	}
	return err
}
