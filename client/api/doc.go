// Package api is the HTTP interface of a receipt log: the JSON that travels
// (types.go, problem.go, diff.go), where it travels (routes.go), and a client
// for it (client.go and its neighbours).
//
// The server builds its answers from these types and callers read them with
// the same ones, so the two cannot drift apart. What the client returns is
// what the log said, not what is true: nothing here verifies a signature or a
// proof. Callers hand bundles and checkpoints to package verify with a policy
// of their own.
package api
