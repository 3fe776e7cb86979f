// Package procurement defines the one file that procurement teams, auditors
// and boards are handed: every receipt of a scope with all that proves it, and
// the reports on them, in a zip that anybody can open and anybody can verify.
//
//	README.txt                    for the person who opens it
//	receipts/<log>/000000000012.json  the receipt at index 12, as it was signed
//	proofs/<log>/000000000012.json    its entry, salt and inclusion proof
//	checkpoints/<hash>.txt            signed notes; proofs name theirs
//	issuers/<hash>.json               archived DID documents with their proofs
//	report.html report.json …         what the receipts show
//	manifest.json                     all other files with their SHA-256
//
// <log> is the beginning of the hash of the log's origin. Receipts of one
// checkpoint share it, and those of one issuer its document, so that a hundred
// thousand receipts carry each of them once.
//
// A [Writer] streams: it holds a few dozen bytes for each file and no content.
// The same bundles in the same order make the same bytes. An [Archive] holds
// the manifest and hands out bundles; that a file is what the manifest says
// shows only that nobody touched it since. What it proves is for package
// verify to judge, bundle by bundle.
//
// The package does no I/O of its own and compiles to WebAssembly.
package procurement
