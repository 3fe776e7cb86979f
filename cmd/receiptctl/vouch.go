package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// vouch verifies a fetched bundle by a policy and says who cosigned it and when,
// and so before when the receipt existed.
func vouch(w io.Writer, data []byte, p *policy.Policy) error {
	b, err := bundle.Parse(data)
	if err != nil {
		return exit.With(exit.Bad, fmt.Errorf("the log's bundle: %w", err), "")
	}
	v := verify.Bundle(b, verify.Options{Policy: p})
	if !v.Verified {
		status, why := exit.Bad, "the bundle does not verify"
		if v.Unknown() {
			status, why = exit.CannotTell, "the bundle does not hold enough to verify it"
		}
		if len(v.Reasons) > 0 {
			why += ": " + v.Reasons[0].Detail
		}
		return exit.With(status, errors.New(why), "nothing was written; fetch it without --policy to look at it")
	}
	for _, c := range v.Checks {
		if c.Name == verify.CheckQuorum {
			_, err = fmt.Fprintf(w, "verified; %s\n", sayQuorum(c))
		}
	}
	return err
}

func sayQuorum(c verdict.Check) string {
	if c.Status == verdict.NotChecked {
		return "cosigned by nobody that counts: " + c.Detail
	}
	return c.Detail
}
