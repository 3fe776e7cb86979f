package verify

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// checkSigner checks the receipt's signature and, where there is an entry,
// that the entry names the issuer and key that signed.
func checkSigner(v *verdict.Verdict, r *receipt.Receipt, doc *did.Document, e *entry.Receipt, why string) {
	if r == nil || doc == nil {
		if r == nil {
			why = "there is no well-formed receipt"
		}
		v.Skip(CheckSignature, why)
		return
	}
	signer, err := r.Verify(doc)
	if err != nil {
		v.Fail(CheckSignature, err)
		return
	}
	key := did.EncodeKey(signer.Key)
	if e != nil && (e.Issuer != r.Issuer() || e.Key != key) {
		v.Fail(CheckSignature, verdict.Errorf(verdict.EntryMismatch, "entry.key", "the entry names %s with key %s, the receipt was signed by %s with key %s", e.Issuer, e.Key, r.Issuer(), key))
		return
	}
	if e != nil && !signer.Expires.IsZero() && !e.At.Before(signer.Expires) {
		v.Fail(CheckSignature, verdict.Errorf(verdict.KeyNotAuthorized, "proof", "the proof or its key was good until %s, and the log took the receipt in at %s", entry.FormatTime(signer.Expires), entry.FormatTime(e.At)))
		return
	}
	v.Pass(CheckSignature, "signed with "+signer.Method)
	if e == nil && !signer.Expires.IsZero() {
		v.Skip(CheckExpiry, "the proof or its key is good until "+entry.FormatTime(signer.Expires)+"; when the receipt was made is known to a log only")
	}
	if signer.Unchecked > 0 {
		v.Skip(CheckOthers, counted(signer.Unchecked, "further proof")+" on the receipt by keys that are not the issuer's")
	}
}

// checkContent checks what the receipt says against itself and against the
// diff at hand.
func checkContent(v *verdict.Verdict, r *receipt.Receipt, o Options) {
	if r == nil {
		for _, name := range []string{CheckConfiguration, CheckDiffURL, CheckDiff} {
			v.Skip(name, "there is no well-formed receipt")
		}
		return
	}
	if declared, computed, ok := r.ConfigurationHash(); !ok {
		v.Skip(CheckConfiguration, "the receipt has no configuration, or one without a hash")
	} else if declared != computed {
		v.Fail(CheckConfiguration, verdict.Errorf(verdict.ConfigurationMismatch, "credentialSubject.build.configuration.sha256", "is %s, but the configuration listed has %s", declared, computed))
	} else {
		v.Pass(CheckConfiguration, "the configuration listed has the hash "+declared)
	}
	checkDiffURL(v, r)
	checkDiff(v, r, o.Diff)
}

func checkDiff(v *verdict.Verdict, r *receipt.Receipt, diff *[32]byte) {
	if diff == nil {
		v.Skip(CheckDiff, "no diff was given to compare with")
		return
	}
	want := r.Credential().CredentialSubject.Build.Diff.SHA256
	if got := hex.EncodeToString(diff[:]); got != want {
		v.Fail(CheckDiff, verdict.Errorf(verdict.DiffHashMismatch, "credentialSubject.build.diff.sha256", "the receipt approves a diff with %s, the one at hand has %s", want, got))
		return
	}
	v.Pass(CheckDiff, "the diff at hand is the one that the receipt approves")
}

// checkDiffURL checks that the diff's URL lies under the repository that the
// receipt names and, where it names full commit ids, the receipt's own.
func checkDiffURL(v *verdict.Verdict, r *receipt.Receipt) {
	build := &r.Credential().CredentialSubject.Build
	url, repository := build.Diff.URL, strings.TrimSuffix(strings.TrimSuffix(build.Repository, "/"), ".git")
	if url == "" || !strings.HasPrefix(repository, "https://") {
		v.Skip(CheckDiffURL, "the receipt has no diff URL, or its repository is no https URL")
		return
	}
	const path = "credentialSubject.build.diff.url"
	if !strings.HasPrefix(url, repository+"/") {
		v.Fail(CheckDiffURL, verdict.Errorf(verdict.DiffURLMismatch, path, "%s is not under the repository %s", url, repository))
		return
	}
	for _, id := range commitIDs(url[len(repository):]) {
		if id != build.Diff.Head && id != build.Diff.Base {
			v.Fail(CheckDiffURL, verdict.Errorf(verdict.DiffURLMismatch, path, "names commit %s, which is neither base nor head of the diff", id))
			return
		}
	}
	v.Pass(CheckDiffURL, "the diff's URL is of the repository and commits named")
}

// commitIDs returns the full git commit ids (40 or 64 hex digits) in a path.
func commitIDs(path string) []string {
	var ids []string
	for _, word := range strings.FieldsFunc(path, func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) }) {
		if len(word) == 40 || len(word) == 64 {
			ids = append(ids, word)
		}
	}
	return ids
}

// quorumDetail says who cosigned and when, and so before when the receipt was.
func quorumDetail(p *policy.Verified) string {
	var who []string
	var earliest time.Time
	for _, c := range p.Cosignatures {
		who = append(who, c.Witness+" at "+entry.FormatTime(c.Time))
		if earliest.IsZero() || c.Time.Before(earliest) {
			earliest = c.Time
		}
	}
	return fmt.Sprintf("cosigned by %s; so the receipt was in the log before %s", strings.Join(who, ", "), entry.FormatTime(earliest))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
