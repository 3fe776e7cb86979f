// Package procurement defines the one file that procurement teams, auditors
// and boards are handed: every receipt of a scope with all that proves it, and
// the reports on them, in a zip that anybody can open and anybody can verify.
//
//	README.txt                          for the person who opens it
//	receipts/<log>/000000000012.ndjson  receipts from index 12 on, one a line
//	checkpoints/<hash>.txt              signed notes; receipts name theirs
//	issuers/<hash>.json                 archived DID documents with their proofs
//	erasures/<hash>.json                proofs that absent receipts were erased
//	retention.ndjson                    rules and holds of the log, with their proofs
//	statistics.json                     how many receipts, of which models, and so on
//	report.html report.json …           what the receipts show, by controls
//	article12.html article12.json       and on record-keeping, with an auditor's account
//	manifest.json                       all other files with their SHA-256
//
// A line is {"checkpoint":path,"entry":…,"inclusion":[…],"index":…,
// "issuer":path,"receipt":…,"salt":…}: a bundle, but for what many receipts
// share, which is there once. <log> is the beginning of the hash of the log's
// origin. A file has at most a thousand receipts.
//
// A [Writer] streams: it holds one file of receipts at a time.
// The same bundles in the same order make the same bytes. An [Archive] holds
// the manifest and reads one file of receipts at a time; that a file is what the manifest says
// shows only that nobody touched it since. What it proves is for package
// verify to judge, bundle by bundle.
//
// The package does no I/O of its own and compiles to WebAssembly.
package procurement
