package main

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/witness/bastion"
)

type initFlags struct {
	dir, name, listen string
	bastions          []string
}

func newInit() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --dir DIR --name NAME",
		Short: "make a new witness",
		Long: `Init makes the directory of a new witness:

  receiptwitness.json   the configuration, to be edited by hand
  keys/                 the keys that cosign: Ed25519 and ML-DSA-44; only you can read them
  bastion.key           the key that bastions know the witness by
  data/                 the database: the logs, and what was cosigned of each

Nothing is overwritten. Keep copies of the key files in a safe place. Never run a
copy of the data directory, nor an old one: a witness that forgot what it cosigned
can be made to cosign two histories.

Exit status: 0 made, 1 not made, 2 usage.`,
		Example: `  receiptwitness init --dir /var/lib/receiptwitness --name witness.example.com/w1`,
		Args:    exit.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return initWitness(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "`directory` to make the witness in")
	flags.StringVar(&f.name, "name", "", "the witness's `name`: a URL without scheme, as in witness.example.com/w1")
	flags.StringVar(&f.listen, "listen", defaultConfig().Listen, "`address` to serve on, or \"\" for bastions only")
	flags.StringSliceVar(&f.bastions, "bastion", nil, "bastion to connect to, as `host:port` (may be repeated)")
	return cmd
}

func initWitness(cmd *cobra.Command, f initFlags) error {
	if f.dir == "" || f.name == "" {
		return exit.Misused(cmd, "say where and under which name, with --dir and --name")
	}
	c := defaultConfig()
	c.Name, c.Listen, c.Bastions = f.name, f.listen, append(c.Bastions, f.bastions...)
	if err := c.Check(); err != nil {
		return exit.Misused(cmd, "%v", err)
	}
	vkeys, bastionKey, err := makeWitness(f.dir, &c)
	if err != nil {
		return err
	}
	return sayMade(cmd.OutOrStdout(), f.dir, &c, vkeys, bastionKey)
}

// makeWitness makes everything in the directory. The configuration comes last, so
// that what was not finished is not a witness.
func makeWitness(dir string, c *Config) (vkeys []string, bastionKey ed25519.PublicKey, err error) {
	if err := os.MkdirAll(filepath.Join(dir, keysName), 0o700); err != nil {
		return nil, nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, configName)); err == nil {
		return nil, nil, exit.With(exit.Bad, fmt.Errorf("there is a witness in %s already, and it was left as it is", dir), "run it with: receiptwitness serve --dir "+dir)
	}
	for _, algorithm := range []string{"ed25519", "ml-dsa-44"} {
		vkey, err := generateKey(dir, c.Name, algorithm)
		if err != nil {
			return nil, nil, err
		}
		vkeys = append(vkeys, vkey)
	}
	if bastionKey, err = generateBastionKey(dir); err != nil {
		return nil, nil, err
	}
	db, err := kv.Open(filepath.Join(dir, dataName), kv.Options{Create: true, Origin: databaseOrigin})
	if err != nil {
		return nil, nil, err
	}
	if err := db.Close(); err != nil {
		return nil, nil, err
	}
	text, err := config.Marshal(c)
	if err != nil {
		return nil, nil, err
	}
	return vkeys, bastionKey, durable.Create(filepath.Join(dir, configName), text, 0o644)
}

func sayMade(w io.Writer, dir string, c *Config, vkeys []string, bastionKey ed25519.PublicKey) error {
	fmt.Fprintf(w, "made the witness %s in %s\n\n", c.Name, dir)
	fmt.Fprintf(w, "its keys, for those who trust it (one witness line each in a policy):\n")
	for _, vkey := range vkeys {
		fmt.Fprintf(w, "  %s\n", vkey)
	}
	fmt.Fprintf(w, "\nbastions serve it under: /%s/\n", bastion.PathOf(bastionKey))
	_, err := fmt.Fprintf(w, "\nname the logs to witness with: receiptwitness add-log --dir %s VKEY\nrun it with: receiptwitness serve --dir %s\n", dir, dir)
	return err
}
