// Package exit is how the programs end: with a status, and for people with what
// went wrong and what may help. All three programs end alike.
package exit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses, documented in each program's package comment and help text.
const (
	Good       = 0
	Bad        = 1 // a verification failed, damage was found, something was refused
	Usage      = 2 // the command line, or a file it names, is wrong
	CannotTell = 3 // neither good nor bad could be established
)

// Error is an error that knows how to exit and what may help.
type Error struct {
	Status int
	err    error // nil says nothing: the command has said it all
	hint   string
}

// With returns err with an exit status of its own, and a hint or "".
func With(status int, err error, hint string) error {
	return &Error{Status: status, err: err, hint: hint}
}

// Silently exits without a word more.
func Silently(status int) error {
	if status == Good {
		return nil
	}
	return &Error{Status: status}
}

// Misused complains about the command line.
func Misused(cmd *cobra.Command, format string, args ...any) error {
	return With(Usage, fmt.Errorf(format, args...), fmt.Sprintf("run %q to see how it is used", cmd.CommandPath()+" --help"))
}

// Error implements error.
func (e *Error) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.err.Error()
}

// Unwrap returns the error that has the status.
func (e *Error) Unwrap() error { return e.err }

// Complain tells the person at the keyboard what went wrong and what may help,
// and returns the exit status. An error without a status of its own is a bad
// outcome; one that an interrupt caused leaves the outcome open.
func Complain(w io.Writer, program string, err error) int {
	if err == nil {
		return Good
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		e = &Error{Status: CannotTell, err: errors.New("interrupted")}
	case !ok:
		e = &Error{Status: Bad, err: err}
	}
	if e.err != nil {
		fmt.Fprintf(w, "%s: error: %s\n", program, printable(e.err.Error()))
		if e.hint != "" {
			fmt.Fprintf(w, "%s: hint: %s\n", program, printable(e.hint))
		}
	}
	return e.Status
}

// printable takes out of a text what would move the cursor of a terminal: errors
// quote what servers and files say.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// Main runs a program: its root command, until it ends or is told to by SIGINT
// or SIGTERM, which cancel the command's context.
func Main(root *cobra.Command) {
	// Never undone: a signal that comes while the program ends by itself must not
	// take its status from it.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(Complain(os.Stderr, root.Name(), Root(root).ExecuteContext(ctx)))
}

// Root has a program's root command behave as all do: help where nothing is
// asked, and one way to complain.
func Root(root *cobra.Command) *cobra.Command {
	root.Args = NoOtherCommand
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return Misused(cmd, "%v", err) })
	return root
}

// NoOtherCommand is the Args of a command that only has commands below it.
func NoOtherCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Misused(cmd, "there is no command %q", args[0])
	}
	return nil
}

// NoArguments is the Args of a command that takes flags only.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Misused(cmd, "unexpected argument %q", args[0])
	}
	return nil
}
