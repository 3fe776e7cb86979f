package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/armalo/receiptlog/client/api"
)

// A receipt is submitted to a log. Submitting it again does no harm, so after
// any failure the same call may be made again.
func ExampleClient_Submit() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"index":12,"duplicate":false,"receiptHash":"8f43...","bundle":{"bundle":"receiptlog/v1"}}`)
	}))
	defer server.Close()

	client, err := api.New(server.URL, api.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := client.Submit(context.Background(), []byte(`{"type":["VerifiableCredential","BuildReceipt"]}`))
	if problem, ok := errors.AsType[*api.Problem](err); ok {
		fmt.Println("the log refuses it:", problem.Code)
		return
	}
	if err != nil {
		fmt.Println("the log did not answer:", err)
		return
	}
	fmt.Println("logged at index", result.Index)
	// Next: bundle.Parse(result.Bundle), and verify.Bundle with a policy.

	// Output: logged at index 12
}
