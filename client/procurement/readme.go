package procurement

import (
	"fmt"
	"slices"
	"strings"
)

// readme is for the person who opens the archive without having been told what
// it is.
func readme(m *Manifest) string {
	var reports []string
	for _, f := range m.Files {
		if !strings.Contains(f.Path, "/") && f.Path != readmeName {
			reports = append(reports, f.Path)
		}
	}
	slices.Sort(reports)
	text := fmt.Sprintf(`Build receipts: %s

This archive holds %d build receipts and what proves them. A build receipt is the
signed record of one change that an AI agent made to software: what was asked,
what was planned, which models voted, which checks and gates it passed, and the
hash of the change itself.

Begin with report.html, if it is here: it opens in any browser and needs no network.

  receipts/      the receipts as they were signed, one a line with the proof that
                 the log holds exactly this receipt; by log and index
  checkpoints/   the log's signed states, cosigned by witnesses
  issuers/       the issuers' keys as the log archived them
  erasures/      proofs that receipts were erased on record, where some were
  manifest.json  every other file with its SHA-256, and which receipts are absent
`, m.Scope, m.Receipts)
	if len(reports) > 0 {
		text += "  " + strings.Join(reports, ", ") + "\n"
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
