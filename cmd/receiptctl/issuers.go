package main

import (
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// loadIssuers reads bundles that are at hand for their evidence of an issuer's
// keys.
func loadIssuers(names []string) ([]*bundle.Bundle, error) {
	var all []*bundle.Bundle
	for _, name := range names {
		data, err := readInput(nil, name, maxEvidence)
		if err != nil {
			return nil, err
		}
		b, err := bundle.Parse(data)
		if err != nil {
			return nil, exit.With(exit.Usage, fmt.Errorf("%s: %w", name, err), "expected is a bundle of a receipt of the same issuer, as receiptctl get fetches it")
		}
		all = append(all, b)
	}
	return all, nil
}
