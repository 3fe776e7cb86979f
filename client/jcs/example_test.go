package jcs_test

import (
	"fmt"

	"github.com/armalo/receiptlog/client/jcs"
)

func ExampleCanonicalize() {
	out, err := jcs.Canonicalize([]byte(`{"score": 4.50, "name": "\u20ac"}`), 1<<10)
	fmt.Println(string(out), err)

	_, err = jcs.Canonicalize([]byte(`{"org": "acme", "\u006frg": "evil"}`), 1<<10)
	fmt.Println(err)
	// Output:
	// {"name":"€","score":4.5} <nil>
	// org: the name occurs twice, at byte 16
}
