package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

func newKey() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "make, list, rotate and revoke API keys",
		Long: `Key manages the keys that a log's callers show. Proofs and public receipts want
none. A key is shown once, when it is made; the log has only its SHA-256.

A running log is asked by --url and a key with the scope admin: init shows the
first. With --dir in place of both the database is changed itself, while the log
does not run: so a lost administrator's key is replaced.

Scopes, of which none includes another:

` + scopesHelp(),
		Args: exit.NoOtherCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeyCreate(), newKeyList(), newKeyRotate(), newKeyRevoke(), newKeyTrail())
	return cmd
}

func scopesHelp() string {
	means := map[api.Scope]string{
		api.ScopeReceiptsWrite:  "submit receipts, where the log is configured to want a key",
		api.ScopeReceiptsRead:   "read private receipts",
		api.ScopeReceiptsExport: "export all receipts of an organisation",
		api.ScopeRetentionWrite: "set rules, place and lift holds, erase",
		api.ScopeAuditRead:      "read the trail of administrative acts, and rules",
		api.ScopeAdmin:          "make, list, rotate and revoke keys; manage webhooks",
	}
	var b strings.Builder
	for _, s := range api.Scopes {
		fmt.Fprintf(&b, "  %-16s %s\n", s, means[s])
	}
	return b.String()
}

type keyCreateFlags struct {
	keyringFlags
	api.KeyRequest
	scopes  []string
	expires string
}

func newKeyCreate() *cobra.Command {
	var f keyCreateFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME --scope SCOPE [--org ORG]",
		Short: "make a key and print it, once",
		Long: `Create makes a key and prints it, once. The digits behind "rl_" are its id.

With --org it is for one organisation: it submits, reads, exports and erases that
one's receipts only, and an administrator's makes keys for that one only. Without,
it is for all of them.

Exit status: 0 made, 1 refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptlog key create --url http://127.0.0.1:8080 --key-file admin.key --name "CI of acme" --org acme --scope receipts:write > ci.key
  receiptlog key create --dir /var/lib/receiptlog --name "Audit & Sons" --scope receipts:read --scope audit:read --expires P90D > auditor.key`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return createKey(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.Name, "name", "", "whose key it is")
	flags.StringVar(&f.Org, "org", "", "the one `organisation` that it is for, by its name in receipts")
	flags.StringSliceVar(&f.scopes, "scope", nil, "what it allows: a `scope` (may be repeated)")
	flags.StringVar(&f.expires, "expires", "", "`when` it ends: a date, a time, or an ISO 8601 period such as P90D (default: never)")
	flags.IntVar(&f.Rate, "rate", 0, "`requests` a second, twice as many at once (default: the log's)")
	flags.IntVar(&f.Quota, "quota", 0, "`receipts` that it may submit in a day (default: any number)")
	return cmd
}

func createKey(cmd *cobra.Command, f keyCreateFlags) (err error) {
	if f.Name == "" || len(f.scopes) == 0 {
		return exit.Misused(cmd, "say whose key it is and what it allows, with --name and --scope")
	}
	for _, s := range f.scopes {
		if !api.Scope(s).Known() {
			return exit.Misused(cmd, "--scope %q is none of those that receiptlog key --help lists", s)
		}
		f.Scopes = append(f.Scopes, api.Scope(s))
	}
	if f.Expires, err = whenEnds(f.expires); err != nil {
		return exit.Misused(cmd, "--expires: %v", err)
	}
	ring, err := f.open(cmd)
	if err != nil {
		return err
	}
	key, err := ring.CreateKey(cmd.Context(), f.KeyRequest)
	if err != nil {
		return answered(err)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Secret)
	return err
}

// gist says in a line what a key is.
func gist(k *api.Key) string {
	org := k.Org
	if org == "" {
		org = "all organisations"
	}
	var scopes []string
	for _, s := range k.Scopes {
		scopes = append(scopes, string(s))
	}
	text := fmt.Sprintf("%q for %s: %s", k.Name, org, strings.Join(scopes, ", "))
	if !k.Expires.IsZero() {
		text += "; ends " + k.Expires.Format(time.RFC3339)
	}
	return text
}

func newKeyList() *cobra.Command {
	var f keyringFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list keys, with their last use",
		Long: `List shows the keys that the caller's own may manage, those that have ended too.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ring, err := f.open(cmd)
			if err != nil {
				return err
			}
			keys, err := ring.Keys(cmd.Context())
			if err != nil {
				return answered(err)
			}
			if asJSON {
				return show(cmd.OutOrStdout(), api.KeyListing{Keys: keys})
			}
			return listKeys(cmd.OutOrStdout(), keys, time.Now())
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func listKeys(w io.Writer, keys []api.Key, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tORGANISATION\tSCOPES\tCREATED\tLAST USED\tSTATE")
	for _, k := range keys {
		var scopes []string
		for _, s := range k.Scopes {
			scopes = append(scopes, string(s))
		}
		org := k.Org
		if org == "" {
			org = "all"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, org, strings.Join(scopes, ","),
			k.Created.Format(time.DateOnly), moment(k.LastUsed), stateOf(&k, now))
	}
	return t.Flush()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

func stateOf(k *api.Key, now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + k.Revoked.Format(time.RFC3339)
	case k.Expires.IsZero():
		return "good"
	case !now.Before(k.Expires):
		return "expired " + k.Expires.Format(time.RFC3339)
	}
	return "good until " + k.Expires.Format(time.RFC3339)
}

func newKeyRotate() *cobra.Command {
	var f keyringFlags
	var overlap, expires string
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "make a key in place of another",
		Long: `Rotate makes a key with the name, scopes, organisation and bounds of another, and
prints it, once. The other goes on for as long as --overlap says, so that whoever
uses it has time to change; by default it ends at once.

Exit status: 0 made, 1 refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptlog key rotate --url http://127.0.0.1:8080 --key-file admin.key --overlap P7D 5f1d0c2ab8e94710 > ci.key`,
		Args:    exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var q api.RotateRequest
			if q.Until, err = whenEnds(overlap); err != nil {
				return exit.Misused(cmd, "--overlap: %v", err)
			}
			if q.Expires, err = whenEnds(expires); err != nil {
				return exit.Misused(cmd, "--expires: %v", err)
			}
			ring, err := f.open(cmd)
			if err != nil {
				return err
			}
			key, err := ring.RotateKey(cmd.Context(), args[0], q)
			if err != nil {
				return answered(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Secret)
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&overlap, "overlap", "", "`how long` the other goes on: 24h, an ISO 8601 period such as P7D, or a time")
	cmd.Flags().StringVar(&expires, "expires", "", "`when` the new one ends (default: never)")
	return cmd
}

func newKeyRevoke() *cobra.Command {
	var f keyringFlags
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "end a key at once",
		Long: `Revoke ends a key at once and for good. It stays in the list.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Args: exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			ring, err := f.open(cmd)
			if err != nil {
				return err
			}
			key, err := ring.RevokeKey(cmd.Context(), args[0])
			if err != nil {
				return answered(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "revoked %s, %s\n", key.ID, gist(key))
			return err
		},
	}
	f.add(cmd)
	return cmd
}

func newKeyTrail() *cobra.Command {
	var f keyringFlags
	var from uint64
	cmd := &cobra.Command{
		Use:   "trail",
		Short: "read the trail of administrative acts",
		Long: `Trail prints who made, rotated and revoked keys, set rules, placed and lifted holds,
had receipts erased, and exported them: one JSON object a line, oldest first. It
wants a key with the scope audit:read.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ring, err := f.open(cmd)
			if err != nil {
				return err
			}
			return printTrail(cmd, ring, from)
		},
	}
	f.add(cmd)
	cmd.Flags().Uint64Var(&from, "from", 0, "`number` of the first act")
	return cmd
}

func printTrail(cmd *cobra.Command, ring keyring, from uint64) error {
	for {
		page, err := ring.Trail(cmd.Context(), from, api.MaxTrailLines)
		if err != nil {
			return answered(err)
		}
		for _, act := range page.Acts {
			if err := showLine(cmd.OutOrStdout(), act); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		from = *page.Next
	}
}

func exactlyOneID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return exit.Misused(cmd, "say which key, by its id: receiptlog key list shows them")
	}
	return nil
}

// whenEnds reads a time to come: a date (midnight UTC), a time, a duration or a
// period from now. Empty is the zero time.
func whenEnds(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if p, err := period.Parse(s); err == nil {
		return p.From(time.Now().UTC()), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return time.Now().UTC().Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a date, a time, a duration such as 24h nor a period such as P90D", s)
}
