// Package example holds a realistic input of receiptctl issue: build.json and
// the documents that it names by file. It ships inside the program, which
// writes it out on request, so that a new user starts from something true.
package example

import "embed"

// Build is the name of the example's main file within Files.
const Build = "build.json"

// Files are the example's files.
//
//go:embed build.json spec.md plan.md pact.md
var Files embed.FS
