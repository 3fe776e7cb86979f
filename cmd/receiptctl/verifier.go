package main

import (
	"crypto/sha256"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/commit"
)

// verifier is the evidence that the command line gave, read once.
type verifier struct {
	options verify.Options
	proof   []byte
	repo    *commit.Repository
}

// gather reads the evidence that the flags name.
func gather(cmd *cobra.Command, f verifyFlags) (*verifier, error) {
	vr := new(verifier)
	var err error
	if vr.options.Policy, err = loadPolicy(f.policy); err != nil {
		return nil, err
	}
	if vr.options.Document, err = loadDocument(f.document); err != nil {
		return nil, err
	}
	if f.proof != "" {
		if vr.proof, err = readInput(nil, f.proof, maxEvidence); err != nil {
			return nil, err
		}
	}
	if vr.options.Issuers, err = loadIssuers(f.issuers); err != nil {
		return nil, err
	}
	if f.erasure != "" {
		if vr.options.Erasure, err = loadErasure(f.erasure); err != nil {
			return nil, err
		}
	}
	if f.diff != "" {
		if vr.options.Diff, err = hashFile(cmd.InOrStdin(), f.diff); err != nil {
			return nil, err
		}
	}
	if f.repo != "" {
		if vr.repo, err = commit.Open(cmd.Context(), f.repo); err != nil {
			return nil, exit.With(exit.Usage, err, hintForGit(err))
		}
	}
	return vr, nil
}

// judge verifies the contents of one file with all the evidence there is.
func (vr *verifier) judge(cmd *cobra.Command, data []byte) (*verdict.Verdict, error) {
	o := vr.options
	if vr.repo == nil {
		return judge(data, vr.proof, o), nil
	}
	why := "the receipt does not name the commits of its diff"
	if base, head, ok := diffOfBundle(data); ok {
		sum, _, err := vr.repo.Sum(cmd.Context(), base, head)
		if cmd.Context().Err() != nil {
			return nil, cmd.Context().Err()
		}
		if err == nil {
			o.Diff = &sum
		} else {
			why = err.Error()
		}
	}
	v := judge(data, vr.proof, o)
	if o.Diff == nil {
		explainDiff(v, why)
	}
	return v, nil
}

// explainDiff replaces the general reason why the diff was not checked by what
// stood in the way. The diff was asked about, so without it the verdict is out.
func explainDiff(v *verdict.Verdict, why string) {
	for i, c := range v.Checks {
		if c.Name == verify.CheckDiff && c.Status == verdict.NotChecked {
			v.Checks[i].Detail = why
			v.Verified = false
		}
	}
}

func hashFile(stdin io.Reader, name string) (*[sha256.Size]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, cannotRead(err)
		}
		defer f.Close()
		in = f
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, in); err != nil {
		return nil, cannotRead(err)
	}
	return (*[sha256.Size]byte)(digest.Sum(nil)), nil
}
