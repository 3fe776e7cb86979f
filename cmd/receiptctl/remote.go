package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// urlVariable is the environment variable that stands in for --url.
const urlVariable = "RECEIPTLOG_URL"

func addURLFlag(cmd *cobra.Command, url *string) {
	cmd.Flags().StringVar(url, "url", "", "the log's `URL` (default: $"+urlVariable+")")
}

// dial makes a client of the log that the command line names.
func dial(cmd *cobra.Command, url string) (*api.Client, error) {
	if url == "" {
		url = os.Getenv(urlVariable)
	}
	if url == "" {
		return nil, exit.Misused(cmd, "say which log, with --url or %s", urlVariable)
	}
	client, err := api.New(url, api.Options{UserAgent: "receiptctl"})
	if err != nil {
		return nil, exit.Misused(cmd, "%v", err)
	}
	return client, nil
}
