package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type getFlags struct {
	url, out, kind string
	policy         string
	index          uint64
	all, json      bool
}

// Kinds of what get fetches.
const (
	kindBundle  = "bundle"
	kindReceipt = "receipt"
	kindProof   = "tlog-proof"
)

func newGet() *cobra.Command {
	var f getFlags
	cmd := &cobra.Command{
		Use:   "get RUN-ID --url URL [--kind bundle|receipt|tlog-proof] [-o FILE]",
		Short: "fetch a run's receipt, bundle or proof",
		Long: `Get fetches what the log holds of a build run: the bundle, which holds all it
takes to verify offline; the receipt alone; or its C2SP tlog-proof. Only public
receipts are shown.

What it fetches is what the log says. With --policy a bundle is verified before it
is written, and get says who cosigned it and when; else use receiptctl verify.

A run has one receipt. Where a log holds several, that is evidence of a
conflict: get lists them all and fetches the one picked with --index, or with
--all each of them, into the folder given with -o.

Exit status: 0 fetched, 1 the log has none (or several, and none was picked),
2 usage, 3 the log did not answer.`,
		Example: `  receiptctl get run-42 --url https://log.example.com -o run-42.bundle.json
  receiptctl get run-42 --url https://log.example.com --kind tlog-proof
  receiptctl get run-42 --url https://log.example.com --all -o .`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Misused(cmd, "say which run, by one run id")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return get(cmd, f, args[0]) },
	}
	addURLFlag(cmd, &f.url)
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "kind", kindBundle, "what to fetch: `bundle`, receipt or tlog-proof")
	flags.StringVarP(&f.out, "out", "o", "-", "`file` to write to; must not exist (\"-\" for standard output)")
	flags.Uint64Var(&f.index, "index", 0, "the `index` of the receipt, where the run has several")
	flags.BoolVar(&f.all, "all", false, "fetch every receipt of the run, into the folder -o")
	flags.BoolVar(&f.json, "json", false, "print a list of several receipts as JSON")
	flags.StringVar(&f.policy, "policy", "", "policy `file`: verify each bundle with it before it is written")
	cmd.MarkFlagsMutuallyExclusive("index", "all")
	return cmd
}

func get(cmd *cobra.Command, f getFlags, runID string) error {
	if f.kind != kindBundle && f.kind != kindReceipt && f.kind != kindProof {
		return exit.Misused(cmd, "--kind is bundle, receipt or tlog-proof, not %q", f.kind)
	}
	if f.policy != "" && f.kind != kindBundle {
		return exit.Misused(cmd, "--policy verifies bundles; a %s alone cannot be verified", f.kind)
	}
	if f.all && f.out == "-" {
		return exit.Misused(cmd, "say which folder to write to, with -o DIR")
	}
	client, err := dial(cmd, f.url)
	if err != nil {
		return err
	}
	pick := api.Only
	if cmd.Flags().Changed("index") {
		pick = api.At(f.index)
	}
	data, err := f.fetch(cmd.Context(), client, runID, pick)
	if several, ok := errors.AsType[*api.Several](err); ok {
		return f.several(cmd, client, several)
	}
	if err != nil {
		return refused(err)
	}
	if f.all {
		f.out = filepath.Join(f.out, fileName(runID)+f.suffix())
	}
	return f.save(cmd, f.out, data)
}

func (f getFlags) fetch(ctx context.Context, client *api.Client, runID string, pick api.Pick) ([]byte, error) {
	switch f.kind {
	case kindReceipt:
		return client.Receipt(ctx, runID, pick)
	case kindProof:
		return client.Proof(ctx, runID, pick)
	default:
		return client.Bundle(ctx, runID, pick)
	}
}

// several lists the receipts of a run that has more than one, or fetches all.
func (f getFlags) several(cmd *cobra.Command, client *api.Client, several *api.Several) error {
	listing := several.Listing
	if !f.all {
		if err := f.list(cmd, listing); err != nil {
			return err
		}
		return refused(several)
	}
	for _, r := range listing.Receipts {
		data, err := f.fetch(cmd.Context(), client, listing.RunID, api.At(r.Index))
		if err != nil {
			return refused(err)
		}
		name := filepath.Join(f.out, fmt.Sprintf("%s.%d%s", fileName(listing.RunID), r.Index, f.suffix()))
		if err := f.save(cmd, name, data); err != nil {
			return err
		}
	}
	return nil
}

func (f getFlags) list(cmd *cobra.Command, listing api.RunListing) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), listing)
	}
	for _, r := range listing.Receipts {
		fmt.Fprintf(cmd.OutOrStdout(), "index %d: %s\n", r.Index, gist(r.Receipt))
	}
	for _, e := range listing.Erased {
		fmt.Fprintf(cmd.OutOrStdout(), "index %d: erased, as entry %d says\n", e.Index, e.Erasure)
	}
	return nil
}

func (f getFlags) save(cmd *cobra.Command, name string, data []byte) error {
	if n := len(data); n == 0 || data[n-1] != '\n' {
		data = append(data, '\n')
	}
	if f.policy != "" {
		trusted, err := loadPolicy(f.policy)
		if err != nil {
			return err
		}
		if err := vouch(cmd.ErrOrStderr(), data, trusted); err != nil {
			return err
		}
	}
	if err := writeNew(cmd.OutOrStdout(), name, data); err != nil {
		return err
	}
	if name != "-" && f.policy == "" {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, as the log says; verify it with receiptctl verify\n", name, f.kind)
	}
	return nil
}

func (f getFlags) suffix() string {
	switch f.kind {
	case kindReceipt:
		return ".json"
	case kindProof:
		return ".tlog-proof"
	default:
		return ".bundle.json"
	}
}
