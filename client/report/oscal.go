package report

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"slices"
	"strings"
)

const (
	// oscalVersion is the version of NIST OSCAL that OSCAL writes.
	oscalVersion = "1.1.3"
	// oscalNamespace is that of our properties.
	oscalNamespace = "https://armalo.ai/ns/receiptlog"
	// epoch stands for the time of a report on no receipts: OSCAL wants one,
	// and the report must not depend on when it is made.
	epoch = "1970-01-01T00:00:00Z"
)

// urlSpace is the UUID namespace for URLs of RFC 9562.
var urlSpace = [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// OSCAL returns the report as NIST OSCAL assessment results in JSON.
//
// The findings are about objectives that the document itself defines: that
// every receipt carries the evidence named. "satisfied" says that and no more;
// it is no opinion on the control. The same report makes the same document.
func (r *Controls) OSCAL() ([]byte, error) {
	whole, err := r.JSON()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(whole)
	o := &oscalWriter{report: r, base: oscalNamespace + "/report/" + hex.EncodeToString(sum[:])}
	document := map[string]oscalDocument{"assessment-results": o.document()}
	data, err := json.Marshal(document, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

type oscalWriter struct {
	report *Controls
	base   string // a URL that names the report by its hash
}

// uuid returns a UUID of version 5 for a part of this document. SPEC RFC 9562,
// 5.5: SHA-1 over the namespace and the name.
func (o *oscalWriter) uuid(part string) string {
	sum := sha1.Sum(append(slices.Clone(urlSpace[:]), o.base+"#"+part...))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (o *oscalWriter) document() oscalDocument {
	r := o.report
	last := r.Scope.Last
	if last == "" {
		last = epoch
	}
	d := oscalDocument{
		UUID: o.uuid("document"),
		Metadata: oscalMetadata{Title: "Build receipts: evidence for controls", LastModified: last, Version: r.Basis.PopulationSHA256[:16],
			OSCALVersion: oscalVersion, Remarks: r.Statement},
		ImportAP: oscalImport{Href: "#" + o.uuid("plan"), Remarks: "The plan is the catalogue of controls and rules in the back matter."},
		Results:  []oscalResult{o.result(last)},
	}
	for i := range r.Controls {
		d.Local.Objectives = append(d.Local.Objectives, o.objective(r.Catalogue.control(r.Controls[i].ID)))
	}
	plan, err := json.Marshal(r.Catalogue, json.Deterministic(true))
	if err == nil {
		d.Back.Resources = append(d.Back.Resources, resource(o.uuid("plan"), "Catalogue of controls and rules", "SHA-256 of its canonical JSON: "+r.CatalogueSHA256, "catalogue.json", "application/json", plan))
	}
	for _, l := range r.Basis.Logs {
		d.Back.Resources = append(d.Back.Resources, resource(o.uuid("checkpoint "+l.Origin), "Newest checkpoint of "+l.Origin,
			fmt.Sprintf("A signed tree of %d entries with root %s, to be checked with the policy of SHA-256 %s.", l.Size, l.Root, r.Basis.PolicySHA256), "checkpoint.txt", "text/plain", []byte(l.Checkpoint)))
	}
	return d
}

func resource(uuid, title, description, name, media string, data []byte) oscalResource {
	return oscalResource{UUID: uuid, Title: title, Description: description,
		Base64: oscalBase64{Filename: name, MediaType: media, Value: base64.StdEncoding.EncodeToString(data)}}
}

func (o *oscalWriter) objective(c *Control) oscalObjective {
	whole := oscalPart{ID: objectiveOf(c), Name: "assessment-objective", Title: "Every receipt carries the evidence", Prose: c.Wanted}
	for _, item := range c.Evidence {
		whole.Parts = append(whole.Parts, oscalPart{ID: whole.ID + "." + item.ID, Name: "assessment-objective", Title: item.Title, Prose: item.Rule})
	}
	out := oscalObjective{ControlID: c.ID, Description: "What receipts are to carry for " + c.Label + ", " + c.Title + ".", Parts: []oscalPart{whole}}
	out.Remarks = "Receipts cannot show: " + strings.Join(c.Limits, " ")
	return out
}

func (o *oscalWriter) result(last string) oscalResult {
	r := o.report
	first := r.Scope.First
	if first == "" {
		first = epoch
	}
	out := oscalResult{
		UUID: o.uuid("result"), Title: "Evidence in build receipts", Start: first, End: last, Remarks: r.Statement,
		Description: fmt.Sprintf("%d bundles were given. %d receipts verified and were held against each control; %d bundles failed to verify and %d could not be decided, and neither count.",
			r.Scope.Bundles, r.Scope.Receipts, r.Scope.Failed, r.Scope.Undecided),
		Props: []oscalProp{prop("population-sha256", r.Basis.PopulationSHA256), prop("policy-sha256", r.Basis.PolicySHA256),
			prop("receipts", fmt.Sprint(r.Scope.Receipts)), prop("failed", fmt.Sprint(r.Scope.Failed)), prop("undecided", fmt.Sprint(r.Scope.Undecided))},
	}
	platform := o.uuid("platform")
	out.Local.Assets.Platforms = []oscalPlatform{{UUID: platform, Title: "receiptctl report controls"}}
	selection := oscalSelection{Description: "The controls of the catalogue " + r.CatalogueSHA256}
	for i := range r.Controls {
		c := r.Catalogue.control(r.Controls[i].ID)
		selection.Include = append(selection.Include, oscalControlID{c.ID})
		observation, finding := o.control(c, &r.Controls[i], last, platform)
		out.Observations = append(out.Observations, observation)
		out.Findings = append(out.Findings, finding)
	}
	out.Reviewed.Selections = []oscalSelection{selection}
	return out
}

// control makes the observation and the finding for one control.
func (o *oscalWriter) control(c *Control, r *Result, last, platform string) (oscalObservation, oscalFinding) {
	observation := oscalObservation{
		UUID: o.uuid("observation " + c.ID), Title: c.Label + ": " + c.Title, Methods: []string{"TEST"}, Types: []string{"control-objective"}, Collected: last,
		Description: fmt.Sprintf("It applies to %d receipts. %d carry all of the evidence, %d are exceptions.", r.Population, r.WithEvidence, r.Exceptions),
		Origins:     []oscalOrigin{{[]oscalActor{{"assessment-platform", platform}}}},
		Props:       []oscalProp{prop("population", fmt.Sprint(r.Population)), prop("with-evidence", fmt.Sprint(r.WithEvidence)), prop("exceptions", fmt.Sprint(r.Exceptions))},
	}
	for i, item := range c.Evidence {
		observation.Evidence = append(observation.Evidence, oscalEvidence{Description: fmt.Sprintf("%s: in %d of %d receipts.", item.Title, r.Evidence[i].Receipts, r.Population)})
	}
	for i, item := range c.Notable {
		observation.Evidence = append(observation.Evidence, oscalEvidence{Description: fmt.Sprintf("Worth a look: %s, in %d of %d receipts.", item.Title, r.Notable[i].Receipts, r.Population)})
	}
	for _, ref := range r.Samples {
		observation.Evidence = append(observation.Evidence, oscalEvidence{Description: "A sample that carries all of it: " + ref.words(), Props: ref.props()})
	}
	for _, ref := range r.ExceptionList {
		observation.Evidence = append(observation.Evidence, oscalEvidence{Description: "An exception: " + ref.words() + ", lacks " + strings.Join(ref.Missing, ", "), Props: ref.props()})
	}
	state := "not-satisfied"
	if r.Standing == Supported {
		state = "satisfied"
	}
	return observation, oscalFinding{
		UUID: o.uuid("finding " + c.ID), Title: c.Label + ": " + c.Title,
		Description: "Whether every receipt that the control applies to carries the evidence named. This is no opinion on the control.",
		Props:       []oscalProp{prop("standing", string(r.Standing))},
		Target:      oscalTarget{"objective-id", objectiveOf(c), oscalStatus{State: state, Remarks: "Receipts cannot show: " + strings.Join(c.Limits, " ")}},
		Related:     []oscalRelated{{observation.UUID}},
	}
}

// objectiveOf names the objective that receipts carry all of the evidence.
func objectiveOf(c *Control) string { return c.ID + "_receipts" }

func (ref Ref) words() string {
	return fmt.Sprintf("run %s, entry %d, logged at %s", ref.RunID, ref.Index, ref.At)
}

func (ref Ref) props() []oscalProp {
	return []oscalProp{prop("run-id", ref.RunID), prop("log-index", fmt.Sprint(ref.Index)), prop("receipt-sha256", ref.Receipt)}
}

func prop(name, value string) oscalProp { return oscalProp{name, oscalNamespace, value} }
