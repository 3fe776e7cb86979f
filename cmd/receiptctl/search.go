package main

import (
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// wanted is what a search is for, as flags say it.
type wanted struct {
	url    string
	values map[string]*string // by the name of the part
}

// partHelp says what each part of a search means. Every part has a flag.
var partHelp = map[string]string{
	"issuer":        "issued by this `DID`",
	"provider":      "a model of this `provider` took part",
	"model":         "this `model` took part, as builder or juror",
	"modelVersion":  "a model of this `version` took part",
	"verdict":       "the jury's `verdict`: approve, revise or block",
	"gate":          "this policy `gate` decided",
	"gateDecision":  "a gate (with --gate, that one) decided so: `allow` or deny",
	"evalFailed":    "this eval `check` failed; \"*\" for any",
	"repository":    "of this `repository`",
	"commit":        "of the commit with this full `name`",
	"project":       "of this `project`",
	search.NameOrg:  "of this `organisation`",
	"configuration": "made under the configuration with this `hash`",
	search.NameFrom: "logged at this `time` or later, as 2026-05-01 or 2026-05-01T10:00:00Z",
	search.NameTo:   "logged before this `time`",
}

// addTo adds the flags.
func (w *wanted) addTo(cmd *cobra.Command) {
	addURLFlag(cmd, &w.url)
	w.values = make(map[string]*string)
	for _, name := range search.Names() {
		w.values[name] = cmd.Flags().String(flagOf(name), "", "only receipts: "+partHelp[name])
	}
}

// flagOf is the flag for a part of a search: modelVersion is --model-version.
func flagOf(name string) string {
	var flag strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			flag.WriteByte('-')
		}
		flag.WriteRune(unicode.ToLower(r))
	}
	return flag.String()
}

// query reads the flags.
func (w *wanted) query(cmd *cobra.Command) (q search.Query, err error) {
	for _, name := range search.Names() {
		flag := cmd.Flags().Lookup(flagOf(name))
		if !flag.Changed {
			continue
		}
		if _, err := q.Set(name, *w.values[name]); err != nil {
			_, detail, _ := strings.Cut(err.Error(), ": ")
			return q, exit.Misused(cmd, "--%s %s", flag.Name, detail)
		}
	}
	return q, nil
}

// dialWithKey is dial with the key in the environment, if there is one.
func dialWithKey(cmd *cobra.Command, url string) (*api.Client, error) {
	client, err := dial(cmd, url)
	token := os.Getenv(tokenVariable)
	if err != nil || token == "" {
		return client, err
	}
	if client, err = api.New(client.URL(), api.Options{UserAgent: "receiptctl", Token: token}); err != nil {
		return nil, exit.Misused(cmd, "%v", err)
	}
	return client, nil
}

type searchFlags struct {
	wanted
	limit           int
	groupBy         string
	models, json    bool
	bundles, policy string
}

func newSearch() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search --url URL [--model MODEL] [--commit NAME] [...] [--group-by WHAT] [--bundles DIR --policy FILE]",
		Short: "find receipts by what is in them",
		Long: `Search asks a log which receipts match all that is asked for, newest first. Each
has its index, so that it can be proven: --bundles fetches what proves it.

A part is compared as it is: no patterns, no folding of case. --provider, --model
and --model-version are about one model, --gate and --gate-decision about one
decision.

With --group-by it counts instead: how many receipts, the first and the last of
each model, provider, issuer, verdict, gate (denied), eval (failed),
configuration, repository, project or org. --models is short for --group-by
model.

With --bundles every bundle that is found is fetched, verified by --policy, held
against what the search said and what was asked, and written to the folder as
RUN-ID.INDEX.bundle.json. The reports take such a folder.

What is listed is what the log says. That it left nothing out it cannot show:
compare with git (receiptctl coverage) or with an audit of the whole log.

Private receipts are found with a key that may read them, in $` + tokenVariable + `.

Exit status: 0 something was found, 1 nothing was, or a bundle does not verify, 2
usage, 3 the log did not answer.`,
		Example: `  receiptctl search --model large-2 --from 2026-05-01 --url https://log.example.com
  receiptctl search --group-by provider --url https://log.example.com
  receiptctl search --verdict block --repository https://git.example/shop --bundles found --policy policy.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Misused(cmd, "search takes flags only, as in --model %s", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runSearch(cmd, f) },
	}
	f.addTo(cmd)
	flags := cmd.Flags()
	flags.IntVar(&f.limit, "limit", 0, "at most this `many` receipts (default: all)")
	flags.StringVar(&f.groupBy, "group-by", "", "count by `what`: "+strings.Join(groupNames(), ", "))
	flags.BoolVar(&f.models, "models", false, "the same as --group-by model")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a line")
	flags.StringVar(&f.bundles, "bundles", "", "fetch and verify the bundles, into this `folder`")
	flags.StringVar(&f.policy, "policy", "", "with --bundles, policy `file`: which logs and witnesses to trust")
	cmd.MarkFlagsMutuallyExclusive("group-by", "models")
	return cmd
}

func runSearch(cmd *cobra.Command, f searchFlags) error {
	if f.models {
		f.groupBy = "model"
	}
	q, err := f.query(cmd)
	if err != nil {
		return err
	}
	out, err := f.outlet(cmd, &q)
	if err != nil {
		return err
	}
	client, err := dialWithKey(cmd, f.url)
	if err != nil {
		return err
	}
	if f.bundles != "" {
		if out, err = newFetcher(cmd, client, &q, f, out); err != nil {
			return err
		}
	}
	n := 0
	for hit, err := range client.Search(cmd.Context(), q, f.limit) {
		if err != nil {
			return refused(err)
		}
		if err := out.add(hit); err != nil {
			return err
		}
		n++
	}
	return out.end(n)
}

// outlet is where hits go.
type outlet interface {
	add(search.Hit) error
	// end is called after the last one, with how many there were.
	end(n int) error
}

// outlet chooses how to print.
func (f searchFlags) outlet(cmd *cobra.Command, q *search.Query) (outlet, error) {
	switch {
	case f.bundles != "" && f.policy == "":
		return nil, exit.Misused(cmd, "say whom to trust, with --policy FILE")
	case f.policy != "" && f.bundles == "":
		return nil, exit.Misused(cmd, "--policy goes with --bundles: what is only listed is not verified")
	case f.limit < 0:
		return nil, exit.Misused(cmd, "--limit must not be negative")
	case f.groupBy != "":
		by, ok := groupings[f.groupBy]
		if !ok {
			return nil, exit.Misused(cmd, "--group-by takes one of %s, not %q", strings.Join(groupNames(), ", "), f.groupBy)
		}
		return &groups{w: cmd.OutOrStdout(), by: by, what: f.groupBy, json: f.json, only: q, known: make(map[string]*group)}, nil
	case f.json:
		return jsonLines{cmd.OutOrStdout()}, nil
	}
	return &table{w: cmd.OutOrStdout()}, nil
}

// somethingOr says how a search ends that found n receipts.
func somethingOr(n int) error {
	if n == 0 {
		return exit.Silently(exit.Bad)
	}
	return nil
}
