package report

import (
	"crypto/sha256"
	_ "embed" // for the catalogue
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"slices"
	"sync"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// CatalogueVersion is the value of the member "catalogue".
	CatalogueVersion = "receiptlog/v1"
	// MaxCatalogueBytes bounds a catalogue file: ours has 30 KB for 19
	// controls, and the largest frameworks have about a thousand.
	MaxCatalogueBytes = 2 << 20
	// maxControls and maxItems bound what one receipt is held against.
	maxControls = 2000
	maxItems    = 32
	// maxProse bounds a text in bytes, so that a report stays readable.
	maxProse = 2000
)

// builtin is the control mapping that customers were promised, as data.
//
//go:embed catalogue.json
var builtin []byte

// A Catalogue says which controls there are, what an auditor wants to see for
// each, and how to find it in receipts. It is data: a team writes its own in
// the form of ours, which `receiptctl report catalogue` prints.
type Catalogue struct {
	Catalogue  string      `json:"catalogue"` // CatalogueVersion
	Title      string      `json:"title"`
	Frameworks []Framework `json:"frameworks"`
	Controls   []Control   `json:"controls"`
}

// Framework is a standard or law that controls belong to.
type Framework struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Dates says since or from when it applies, where a law is dated.
	Dates []string `json:"dates,omitzero"`
}

// Control is one requirement of a framework, seen from receipts.
type Control struct {
	ID        string `json:"id"`        // unique, as in soc2-cc8.1
	Framework string `json:"framework"` // the id of its framework
	Label     string `json:"label"`     // what people call it, as in CC8.1
	Title     string `json:"title"`
	// Wanted is what an auditor wants to see.
	Wanted string `json:"wanted"`
	// Applies picks the receipts that the control speaks of; without it, all.
	Applies string `json:"applies,omitzero"`
	// Evidence is what a receipt must carry. A receipt that lacks any of it
	// is an exception.
	Evidence []Item `json:"evidence"`
	// Notable is what is worth a look and no exception: a gate that denied, a
	// jury that blocked. That it is on record is the point.
	Notable []Item `json:"notable,omitzero"`
	// Limits says what receipts cannot show for this control.
	Limits []string `json:"limits"`
	// Elsewhere names what other evidence this project gives.
	Elsewhere []string `json:"elsewhere,omitzero"`
	// Dates says since or from when this control applies.
	Dates []string `json:"dates,omitzero"`
}

// Item is a piece of evidence, or an event, and the [Rule] that finds it.
type Item struct {
	ID    string `json:"id"` // unique within the control
	Title string `json:"title"`
	Rule  string `json:"rule"`
}

// Builtin returns the catalogue of this version of the program.
var Builtin = sync.OnceValue(func() *Catalogue {
	c, err := ParseCatalogue(builtin)
	if err != nil {
		panic(fmt.Sprintf("report: the built-in catalogue: %v", err))
	}
	return c
})

// BuiltinJSON returns the text of the built-in catalogue, as an example to
// write another by. Callers own the copy.
func BuiltinJSON() []byte { return slices.Clone(builtin) }

// ParseCatalogue reads a catalogue strictly: unknown members, rules that do
// not parse, ids that stand twice and frameworks that are not listed are
// errors, with the code malformed, too_large or schema_invalid and the place.
func ParseCatalogue(data []byte) (*Catalogue, error) {
	canonical, err := jcs.Canonicalize(data, MaxCatalogueBytes)
	if err != nil {
		return nil, err
	}
	c := new(Catalogue)
	if err := json.Unmarshal(canonical, c, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "catalogue", "%v", err)
	}
	if c.Catalogue != CatalogueVersion {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "catalogue", "must be %q", CatalogueVersion)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// With returns a catalogue that has the frameworks and controls of both. An id
// may stand in one of them only, but a framework with the very same content
// may stand in both.
func (c *Catalogue) With(other *Catalogue) (*Catalogue, error) {
	joined := &Catalogue{Catalogue: CatalogueVersion, Title: c.Title + " + " + other.Title,
		Frameworks: slices.Clone(c.Frameworks), Controls: slices.Concat(c.Controls, other.Controls)}
	for _, f := range other.Frameworks {
		i := slices.IndexFunc(c.Frameworks, func(have Framework) bool { return have.ID == f.ID })
		if i < 0 {
			joined.Frameworks = append(joined.Frameworks, f)
		} else if have := c.Frameworks[i]; have.Title != f.Title || !slices.Equal(have.Dates, f.Dates) {
			return nil, verdict.Errorf(verdict.SchemaInvalid, "frameworks", "%q is in both catalogues and differs", f.ID)
		}
	}
	if err := joined.check(); err != nil {
		return nil, err
	}
	return joined, nil
}

// SHA256 identifies the catalogue: the hex hash of its canonical JSON.
func (c *Catalogue) SHA256() string {
	data, err := json.Marshal(c)
	if err == nil {
		data, err = jcs.Canonicalize(data, 2*MaxCatalogueBytes)
	}
	if err != nil {
		return "" // not reachable: what was parsed encodes
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// framework returns the framework of an id that check has found to be there.
func (c *Catalogue) framework(id string) Framework {
	i := slices.IndexFunc(c.Frameworks, func(f Framework) bool { return f.ID == id })
	if i < 0 {
		return Framework{ID: id, Title: id}
	}
	return c.Frameworks[i]
}
