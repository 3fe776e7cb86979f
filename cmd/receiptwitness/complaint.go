package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit statuses, documented in the package comment and in every help text.
const (
	exitGood  = 0
	exitBad   = 1
	exitUsage = 2
)

// complaint is an error that knows how to exit and what may help.
type complaint struct {
	exit int
	err  error
	hint string
}

func (c *complaint) Error() string { return c.err.Error() }
func (c *complaint) Unwrap() error { return c.err }

// failing complains with an exit status of its own, and a hint or "".
func failing(exit int, err error, hint string) error {
	return &complaint{exit: exit, err: err, hint: hint}
}

// usage complains about the command line.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return failing(exitUsage, fmt.Errorf(format, args...), fmt.Sprintf("run %q to see how it is used", cmd.CommandPath()+" --help"))
}

// complain tells the person at the keyboard what went wrong and what may help,
// and returns the exit status. An error without a status of its own is a bad
// outcome.
func complain(w io.Writer, err error) int {
	if err == nil {
		return exitGood
	}
	c, ok := errors.AsType[*complaint](err)
	if !ok {
		c = &complaint{exit: exitBad, err: err}
	}
	fmt.Fprintf(w, "receiptwitness: error: %v\n", err)
	if c.hint != "" {
		fmt.Fprintf(w, "receiptwitness: hint: %s\n", c.hint)
	}
	return c.exit
}

func refuseUnknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "there is no command %q", args[0])
	}
	return nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "unexpected argument %q", args[0])
	}
	return nil
}
