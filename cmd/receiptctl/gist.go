package main

import (
	"fmt"

	"github.com/armalo/receiptlog/client/receipt"
)

// gist says in one line what a receipt is about.
func gist(data []byte) string {
	r, err := receipt.Parse(data)
	if err != nil {
		return "not a well-formed receipt"
	}
	c := r.Credential()
	diff := c.CredentialSubject.Build.Diff
	if diff.Head == "" {
		return fmt.Sprintf("issued %s by %s, diff %s", c.ValidFrom, c.Issuer, diff.SHA256)
	}
	return fmt.Sprintf("issued %s by %s, commit %s", c.ValidFrom, c.Issuer, diff.Head)
}
