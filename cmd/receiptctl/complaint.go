package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
)

// Exit statuses, documented in the package comment and in every help text.
const (
	exitGood       = 0
	exitBad        = 1
	exitUsage      = 2
	exitCannotTell = 3
)

// complaint is an error that knows how to exit and what may help.
type complaint struct {
	exit int
	err  error // nil says nothing: the command has said it all
	hint string
}

func (c *complaint) Error() string {
	if c.err == nil {
		return "exit status " + fmt.Sprint(c.exit)
	}
	return c.err.Error()
}

func (c *complaint) Unwrap() error { return c.err }

// silently exits without a word more.
func silently(exit int) error {
	if exit == exitGood {
		return nil
	}
	return &complaint{exit: exit}
}

// failing complains with an exit status of its own, and a hint or "".
func failing(exit int, err error, hint string) error {
	return &complaint{exit: exit, err: err, hint: hint}
}

// usage complains about the command line.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return failing(exitUsage, fmt.Errorf(format, args...), fmt.Sprintf("run %q to see how it is used", cmd.CommandPath()+" --help"))
}

// complain tells the person at the keyboard what went wrong and what may help,
// and returns the exit status. Errors that no command gave a status are a bad
// outcome.
func complain(w io.Writer, err error) int {
	if err == nil {
		return exitGood
	}
	c, ok := errors.AsType[*complaint](err)
	if !ok {
		c = &complaint{exit: exitBad, err: err}
	}
	if errors.Is(err, context.Canceled) {
		c = &complaint{exit: exitCannotTell, err: errors.New("interrupted")}
	}
	if c.err != nil {
		fmt.Fprintf(w, "receiptctl: error: %v\n", c.err)
		if c.hint != "" {
			fmt.Fprintf(w, "receiptctl: hint: %s\n", c.hint)
		}
	}
	return c.exit
}

// refused turns an error of the log's client into a complaint: what the log
// refused is bad, what it did not answer cannot be told.
func refused(err error) error {
	if several, ok := errors.AsType[*api.Several](err); ok {
		return failing(exitBad, several, "pick one with --index, or take all of them with --all")
	}
	if p, ok := errors.AsType[*api.Problem](err); ok {
		if p.Status >= 500 || p.Status == 429 {
			return failing(exitCannotTell, err, "the log could not answer; try again later")
		}
		return failing(exitBad, err, hintFor(p))
	}
	if api.Unreachable(err) {
		return failing(exitCannotTell, err, "is the log running, and is --url right? what was submitted may be submitted again: the log keeps one of each")
	}
	return failing(exitCannotTell, err, "the answer was not a receipt log's; is --url right?")
}
