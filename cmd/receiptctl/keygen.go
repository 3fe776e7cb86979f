package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/issuerkey"
)

type keygenFlags struct {
	out, did, keyID, document string
	json                      bool
}

func newKeygen() *cobra.Command {
	var f keygenFlags
	cmd := &cobra.Command{
		Use:   "keygen -o FILE [--did did:web:...]",
		Short: "make an issuer's key",
		Long: `Keygen makes an Ed25519 key to sign receipts with, in a file that only you can
read. Nothing overwrites a key file: a lost key cannot be made again.

Without --did the issuer is the key itself, a did:key. It needs no web site and
can never be exchanged for another.

With --did did:web:example.com the issuer is a web site. Keygen then also
writes the DID document, which says that this key may sign for it. Publish the
document at the address that keygen prints, or give it to the log's operator to
pin. To add a key to a document that is published already, copy its entry under
verificationMethod and its id under assertionMethod.

Exit status: 0 made, 1 not made, 2 usage.`,
		Example: `  receiptctl keygen -o issuer.key
  receiptctl keygen -o issuer.key --did did:web:example.com`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return keygen(cmd, f) },
	}
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "`file` to write the secret key to; must not exist")
	cmd.Flags().StringVar(&f.did, "did", "", "the issuer's `DID`, as in did:web:example.com (default: the key's own did:key)")
	cmd.Flags().StringVar(&f.keyID, "key-id", "key-1", "`name` of the key within the DID document")
	cmd.Flags().StringVar(&f.document, "did-document", "", "`file` to write the DID document to (default for did:web: next to the key)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the outcome as JSON")
	return cmd
}

// made is what keygen prints.
type made struct {
	KeyFile   string `json:"keyFile"`
	Document  string `json:"didDocument,omitzero"`
	DID       string `json:"did"`
	Method    string `json:"verificationMethod"`
	Public    string `json:"publicKeyMultibase"`
	PublishAt string `json:"publishAt,omitzero"`
}

func keygen(cmd *cobra.Command, f keygenFlags) error {
	if f.out == "" {
		return exit.Misused(cmd, "say where to write the key, with -o FILE")
	}
	if did.IsKey(f.did) {
		return exit.Misused(cmd, "a did:key is made from the key: leave --did out")
	}
	key, err := issuerkey.Generate(f.did, f.keyID)
	if err != nil {
		return exit.Misused(cmd, "%v", err)
	}
	m := made{KeyFile: f.out, DID: key.Controller, Method: key.Method, Public: did.EncodeKey(key.Public())}
	if f.document == "" && f.did != "" {
		f.document = strings.TrimSuffix(f.out, ".key") + ".did.json"
	}
	if did.Method(f.did) == "web" {
		m.PublishAt = publishAt(f.did)
	}
	if exists(f.document) {
		return exit.With(exit.Bad, fmt.Errorf("%s exists already and was left as it is", f.document), "choose another name with --did-document, or add a key to that document by hand (see --help)")
	}
	if err := key.Save(f.out); errors.Is(err, fs.ErrExist) {
		return exit.With(exit.Bad, fmt.Errorf("%s exists already and was left as it is", f.out), "a key cannot be made again; choose another name with -o")
	} else if err != nil {
		return err
	}
	if f.document != "" {
		if err := writeNew(cmd.OutOrStdout(), f.document, key.Document()); err != nil {
			return err
		}
		m.Document = f.document
	}
	return m.print(cmd.OutOrStdout(), f.json)
}

// publishAt is where a did:web is looked up. SPEC did:web: colons separate the
// path, and a port's colon is percent-encoded.
func publishAt(id string) string {
	host, path, deep := strings.Cut(strings.TrimPrefix(id, "did:web:"), ":")
	host = strings.ReplaceAll(host, "%3A", ":")
	if !deep {
		return "https://" + host + "/.well-known/did.json"
	}
	return "https://" + host + "/" + strings.ReplaceAll(path, ":", "/") + "/did.json"
}

func (m made) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, m)
	}
	fmt.Fprintf(w, "secret key     %s (only you can read it; keep a copy in a safe place)\n", m.KeyFile)
	if m.Document != "" {
		fmt.Fprintf(w, "DID document   %s\n", m.Document)
	}
	fmt.Fprintf(w, "issuer         %s\n", m.DID)
	fmt.Fprintf(w, "key id         %s\n", m.Method)
	fmt.Fprintf(w, "public key     %s\n", m.Public)
	if m.PublishAt != "" {
		fmt.Fprintf(w, "\nPublish the document at %s,\nor have the log's operator pin it.\n", m.PublishAt)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	data, err := json.Marshal(v, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}
