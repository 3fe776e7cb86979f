package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// Environment variables that stand in for flags. A key is never a flag: others
// on the machine would see it.
const (
	urlVariable   = "RECEIPTLOG_URL"
	tokenVariable = "RECEIPTLOG_TOKEN"
)

// operateFlags are common to the commands that speak to a running log.
type operateFlags struct{ url, keyFile string }

func (f *operateFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "url", "", "the running log's `URL` (default: $"+urlVariable+")")
	cmd.Flags().StringVar(&f.keyFile, "key-file", "", "`file` with a key that may do this (default: $"+tokenVariable+")")
}

// dial makes a client of the running log.
func (f *operateFlags) dial(cmd *cobra.Command) (*api.Client, error) {
	if f.url == "" {
		f.url = os.Getenv(urlVariable)
	}
	token := os.Getenv(tokenVariable)
	if f.keyFile != "" {
		data, err := os.ReadFile(f.keyFile)
		if err != nil {
			return nil, exit.With(exit.Usage, err, "")
		}
		token = strings.TrimSpace(string(data))
	}
	if f.url == "" || token == "" {
		return nil, exit.Misused(cmd, "say which log, with --url, and show a key, with --key-file")
	}
	client, err := api.New(f.url, api.Options{UserAgent: "receiptlog", Token: token})
	if err != nil {
		return nil, exit.Misused(cmd, "%v", err)
	}
	return client, nil
}

// answered turns an error of the log's client into a complaint.
func answered(err error) error {
	if e, ok := errors.AsType[*exit.Error](err); ok {
		return e // the log was not asked
	}
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Status < 500 {
		hint := ""
		if p.Code == api.CodeUnauthorized || p.Code == api.CodeForbidden {
			hint = "make a key with: receiptlog key create --scope ..."
		}
		return exit.With(exit.Bad, err, hint)
	}
	return exit.With(exit.CannotTell, err, "is the log running? whether it took the request in, receiptctl audit shows")
}

// showLine prints a line of several.
func showLine(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

// show prints an answer.
func show(w io.Writer, v any) error {
	data, err := json.Marshal(v, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}
