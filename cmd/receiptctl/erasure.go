package main

import (
	"encoding/json/v2"
	"fmt"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// loadErasure reads evidence of an erasure: by itself, or in the problem
// document that a log answers with.
func loadErasure(name string) (*bundle.Erasure, error) {
	data, err := readInput(nil, name, maxEvidence)
	if err != nil {
		return nil, err
	}
	var p api.Problem
	if err := json.Unmarshal(data, &p); err == nil && len(p.Erasure) > 0 && p.Erasure.Kind() == '{' {
		data = p.Erasure
	}
	e, err := bundle.ParseErasure(data)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("%s: %w", name, err), "expected is what the log answers for the erased receipt: curl URL > erased.json")
	}
	return e, nil
}
