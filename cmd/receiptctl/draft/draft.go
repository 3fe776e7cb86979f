// Package draft reads the JSON file from which receiptctl issue makes a
// receipt: everything about a build that git does not know. Its members are
// those of credentialSubject.build in a receipt, with these differences:
//
//   - runId may be left out, and is then given by whoever issues.
//   - spec, plan and pact may say {"file": "SPEC.md"} in place of "sha256": the
//     file, looked for beside the JSON, is hashed.
//   - configuration.sha256 may be left out, and is then computed.
//   - diff has only "url" and "pullRequest"; in a URL {base} and {head} stand
//     for the commit ids. All else about the diff comes from git.
//
// The file is read strictly: a member that is not known is an error that names
// it, since a misspelt gate would otherwise be a gate that was never checked.
// What the members may hold is for package receipt to say, when the receipt
// is signed.
package draft

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// MaxBytes bounds a draft: it must fit into a receipt.
const MaxBytes = receipt.MaxBytes

// Draft is a parsed file. Its sections are those of a receipt.
type Draft struct {
	RunID         string                 `json:"runId"`
	Org           string                 `json:"org"`
	Project       string                 `json:"project"`
	Repository    string                 `json:"repository"`
	Spec          *hashed                `json:"spec"`
	PlanSummary   string                 `json:"planSummary"`
	Plan          *hashed                `json:"plan"`
	Models        []receipt.Model        `json:"models"`
	Jury          *receipt.Jury          `json:"jury"`
	Evals         *receipt.Evals         `json:"evals"`
	PolicyGates   []receipt.Gate         `json:"policyGates"`
	Configuration *receipt.Configuration `json:"configuration"`
	Pact          *hashed                `json:"pact"`
	Risk          *receipt.Risk          `json:"risk"`
	Diff          struct {
		URL         string `json:"url"`
		PullRequest string `json:"pullRequest"`
	} `json:"diff"`
	AuditTrail []receipt.Event `json:"auditTrail"`
}

// hashed is a document that a receipt names by hash: spec, plan or pact. Which
// of title, name and rationale it has is checked for each.
type hashed struct {
	Title     string `json:"title"`
	Name      string `json:"name"`
	Rationale string `json:"rationale"`
	SHA256    string `json:"sha256"`
	File      string `json:"file"`
}

// Parse reads a draft. readFile reads the files that it names by "file".
// Errors about its content are [*verdict.Error] with a path.
func Parse(data []byte, readFile func(name string) ([]byte, error)) (*Draft, error) {
	if len(data) > MaxBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "is over %d bytes", MaxBytes)
	}
	d := new(Draft)
	if err := json.Unmarshal(data, d, json.RejectUnknownMembers(true)); err != nil {
		return nil, explain(err)
	}
	for _, section := range []struct {
		path    string
		doc     *hashed
		allowed string // of title, name and rationale
	}{{"spec", d.Spec, "title"}, {"plan", d.Plan, "rationale"}, {"pact", d.Pact, "name"}} {
		if section.doc == nil {
			continue
		}
		if err := section.doc.settle(section.path, section.allowed, readFile); err != nil {
			return nil, err
		}
	}
	if err := d.settleConfiguration(); err != nil {
		return nil, err
	}
	return d, nil
}

// settle checks the members and replaces a file by its hash.
func (h *hashed) settle(path, allowed string, readFile func(string) ([]byte, error)) error {
	for name, value := range map[string]string{"title": h.Title, "name": h.Name, "rationale": h.Rationale} {
		if value != "" && name != allowed {
			return verdict.Errorf(verdict.SchemaInvalid, path+"."+name, "is not known here")
		}
	}
	if (h.File == "") == (h.SHA256 == "") {
		return verdict.Errorf(verdict.SchemaInvalid, path, `must have exactly one of "sha256" and "file"`)
	}
	if h.File == "" {
		return nil
	}
	content, err := readFile(h.File)
	if err != nil {
		return verdict.Errorf(verdict.SchemaInvalid, path+".file", "%v", err)
	}
	sum := sha256.Sum256(content)
	h.SHA256 = hex.EncodeToString(sum[:])
	return nil
}

// settleConfiguration computes the configuration's hash, or holds the one that
// is given to it: SHA-256 of the canonical JSON without the hash itself.
func (d *Draft) settleConfiguration() error {
	c := d.Configuration
	if c == nil {
		return nil
	}
	given := c.SHA256
	c.SHA256 = ""
	encoded, err := json.Marshal(struct {
		JuryModels    []string `json:"juryModels,omitzero"`
		EvalCheckSet  []string `json:"evalCheckSet,omitzero"`
		PolicyGateSet []string `json:"policyGateSet,omitzero"`
	}{c.JuryModels, c.EvalCheckSet, c.PolicyGateSet})
	if err != nil {
		return err
	}
	canonical, err := jcs.Canonicalize(encoded, MaxBytes)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(canonical)
	c.SHA256 = hex.EncodeToString(sum[:])
	if given != "" && given != c.SHA256 {
		return verdict.Errorf(verdict.ConfigurationMismatch, "configuration.sha256", "is %s, but the configuration listed has %s; leave it out to have it computed", given, c.SHA256)
	}
	return nil
}

// explain turns an error of the JSON decoder into one that names the place as
// we write it, "policyGates[1].decision".
func explain(err error) error {
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		path := dotted(s.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return verdict.Errorf(verdict.SchemaInvalid, path, "is not a member that a build has; see receiptctl issue --example")
		}
		what := "must be a JSON " + wanted(s)
		if s.Err != nil {
			what = s.Err.Error()
		}
		return verdict.Errorf(verdict.SchemaInvalid, path, "%s", what)
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		cause := "is not valid JSON"
		if s.Err != nil {
			cause = s.Err.Error()
		}
		return verdict.Errorf(verdict.Malformed, dotted(s.JSONPointer), "%s (at byte %d)", cause, s.ByteOffset)
	}
	return verdict.Errorf(verdict.Malformed, "", "%v", err)
}

func wanted(s *json.SemanticError) string {
	if s.GoType == nil {
		return "value of another type"
	}
	switch kind := s.GoType.Kind().String(); kind {
	case "struct", "map", "ptr":
		return "object"
	case "slice":
		return "array"
	case "bool":
		return "true or false"
	case "float64":
		return "number"
	default:
		return kind
	}
}

// dotted writes a JSON pointer as a path: "/policyGates/1/id" as
// "policyGates[1].id".
func dotted(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil {
			fmt.Fprintf(&b, "[%s]", token)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return b.String()
}
