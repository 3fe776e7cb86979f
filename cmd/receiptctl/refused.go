package main

import (
	"errors"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// refused turns an error of the log's client into a complaint: what the log
// refused is bad, what it did not answer cannot be told.
func refused(err error) error {
	if several, ok := errors.AsType[*api.Several](err); ok {
		return exit.With(exit.Bad, several, "pick one with --index, or take all of them with --all")
	}
	if p, ok := errors.AsType[*api.Problem](err); ok {
		if p.Status >= 500 || p.Status == 429 {
			return exit.With(exit.CannotTell, err, "the log could not answer; try again later")
		}
		return exit.With(exit.Bad, err, hintFor(p))
	}
	if api.Unreachable(err) {
		return exit.With(exit.CannotTell, err, "is the log running, and is --url right? what was submitted may be submitted again: the log keeps one of each")
	}
	return exit.With(exit.CannotTell, err, "the answer was not a receipt log's; is --url right?")
}
