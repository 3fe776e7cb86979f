package main

import (
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// report prints the outcome of one receipt.
func (k *keeper) report(o outcome) error {
	if k.flags.json {
		return printLine(k.cmd.OutOrStdout(), o)
	}
	who := o.File
	if who == "" {
		who = fmt.Sprintf("line %d", o.Line)
	}
	if o.Error != nil {
		fmt.Fprintf(k.cmd.ErrOrStderr(), "receiptctl: error: %s: refused: %v\n", who, o.Error)
		if hint := hintFor(o.Error); hint != "" {
			fmt.Fprintf(k.cmd.ErrOrStderr(), "receiptctl: hint: %s\n", hint)
		}
		return nil
	}
	how := "logged at index"
	switch {
	case o.Duplicate:
		how = "was logged before, at index"
	case k.flags.async:
		how = "will be logged at index"
	}
	fmt.Fprintf(k.cmd.OutOrStdout(), "%s: %s %d", who, how, *o.Index)
	if o.Bundle != "" {
		fmt.Fprintf(k.cmd.OutOrStdout(), ", proven by %s", o.Bundle)
	}
	fmt.Fprintln(k.cmd.OutOrStdout())
	return nil
}

// summary closes a submission of more than one receipt.
func (k *keeper) summary() {
	if k.flags.json || k.logged+k.known+k.refused < 2 {
		return
	}
	fmt.Fprintf(k.cmd.OutOrStdout(), "%s: %d new, %d logged before, %d refused\n",
		counted(k.logged+k.known+k.refused, "receipt"), k.logged, k.known, k.refused)
}

func asComplaint(err error) (*exit.Error, bool) { return errors.AsType[*exit.Error](err) }
