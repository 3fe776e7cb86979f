package procurement

import (
	"fmt"
	"slices"
)

// abouts says what the files at the top level are.
var abouts = []struct{ name, what string }{
	{StatisticsName, "how many receipts, of which models, projects, months"},
	{RetentionName, "the rules and holds that govern what is kept, with their proofs"},
	{ControlsPrefix + "html", "what the receipts show for SOC 2, ISO 27001, the EU AI Act, NIST"},
	{ControlsPrefix + "json", "the same for machines; it can be made again and compared"},
	{ControlsPrefix + "csv", "the same as a table"},
	{ControlsPrefix + "oscal.json", "the same as NIST OSCAL assessment results"},
	{Article12Prefix + "html", "record-keeping under Article 12 of the EU AI Act"},
	{Article12Prefix + "json", "the same for machines, with the auditor's account of the log"},
}

func (m *Manifest) has(path string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Path == path })
}

// readme is for the person who opens the archive without having been told what
// it is.
func readme(m *Manifest) string {
	text := fmt.Sprintf(`Build receipts: %s

This archive holds %d build receipts and what proves them. A build receipt is the
signed record of one change that an AI agent made to software: what was asked,
what was planned, which models voted, which checks and gates it passed, and the
hash of the change itself.

`, m.Scope, m.Receipts)
	if m.has(ControlsPrefix + "html") {
		text += "Begin with report.html: it opens in any browser and needs no network.\n"
	} else {
		text += `It has no reports, for a log is not asked to report on itself. This adds them:

  receiptctl export procurement.zip --policy policy.txt -o reported.zip
`
	}
	text += `
  receipts/         the receipts as they were signed, one a line with the proof that
                    the log holds exactly this receipt; by log and index
  checkpoints/      the log's signed states, cosigned by witnesses
  issuers/          the issuers' keys as the log archived them
  erasures/         proofs that receipts were erased on record, where some were
  manifest.json     every other file with its SHA-256, and which receipts are absent
`
	for _, about := range abouts {
		if m.has(about.name) {
			text += fmt.Sprintf("  %-17s %s\n", about.name, about.what)
		}
	}
	text += `
Do not take its word for it. Everything here can be verified without a network and
without trusting whoever gave it to you. What it takes is a policy file with the
keys of the log and of the witnesses, from a source that you trust - and for that
very reason it is not in here:

  receiptctl verify procurement.zip --policy policy.txt

An archive cannot show what was left out of it. receiptctl coverage compares a git
branch with receipts, and receiptctl audit follows a log from its first entry.
`
	if len(m.Absent) > 0 {
		text += fmt.Sprintf("\n%d receipts of this scope are not in the archive; manifest.json says which and why.\n", m.AbsentReceipts())
	}
	return text
}
