// Package report turns verified receipts into what auditors, procurement and
// regulators read. It is pure: bundles and a policy in, a report out, the same
// bytes for the same evidence whoever makes it. No network, no file system and
// no clock; it compiles to WebAssembly.
//
// # Controls
//
// A [Catalogue] is data: for each control of a framework what an auditor wants
// to see, the [Rule] that finds it in a receipt, and what receipts cannot show.
// [Builtin] has the control mapping that customers were promised; a team adds
// its own with [Catalogue.With].
//
// An [Examiner] verifies bundles (package verify) and asks the rules of each;
// it may be used concurrently. A [Collector] adds the results up, whatever
// their order, and its [Collector.Report] says for each control how many
// receipts it applies to, how many carry the evidence, which do not and what
// they lack, and draws samples that an auditor can open. Only verified bundles
// count; any other is listed with its reason.
//
// What has to be trusted is the policy file, and nothing that the operator of
// the log or the maker of the report says: whoever doubts a report makes it
// again from the bundles and compares ([Compare]).
//
// # Words
//
// A report says that evidence "supports" a control, never more. Times are those
// of the log's clock unless it says otherwise.
package report
