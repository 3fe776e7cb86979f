package fsck

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// maxDamages bounds how many damages are listed one by one; all are counted.
const maxDamages = 10_000

// Report says what was checked and what is hurt. Its JSON form is what
// receiptlog fsck --json prints.
type Report struct {
	OK     bool   `json:"ok"`
	Origin string `json:"origin"`
	// Size is the number of entries in the tree, Published of those under the
	// published checkpoint.
	Size      uint64 `json:"size"`
	Published uint64 `json:"published"`
	// CheckpointHolds is true where the entries have the root that was signed.
	CheckpointHolds bool `json:"checkpointHolds"`
	// EntriesSound counts entries that hash to their place in the tree.
	EntriesSound uint64 `json:"entriesSound"`
	// Receipts counts entries of that kind, ReceiptsSound those whose body
	// opens, matches and verifies, Erased those whose body was erased.
	Receipts      uint64 `json:"receipts"`
	ReceiptsSound uint64 `json:"receiptsSound"`
	Erased        uint64 `json:"erased"`
	// Documents counts archived DID documents of issuers.
	Documents uint64 `json:"documents"`
	// Tables counts the tables of the database, TablesSound those of which
	// every block verifies.
	Tables      int `json:"tables"`
	TablesSound int `json:"tablesSound"`
	// DamageCount is how many damages there are, Damages the first of them.
	DamageCount uint64   `json:"damageCount"`
	Damages     []Damage `json:"damages"`

	mu     sync.Mutex
	opened uint64 // bodies that open and are receipts
}

// Damage is one thing that is not as it must be.
type Damage struct {
	// What is hurt: "file", "database" (it cannot be opened), "tree state", "checkpoint", "tile", "entry", "body",
	// "signature", "issuer document" or "index".
	What string `json:"what"`
	// Where it is: a file's name, a tile's path, or an entry's index.
	Where string `json:"where,omitzero"`
	// Detail says in which way.
	Detail string `json:"detail"`
}

func newReport(origin string) *Report {
	return &Report{OK: true, Origin: origin, Damages: []Damage{}}
}

// damage notes a damage. Safe for concurrent use.
func (r *Report) damage(what, where string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.OK = false
	r.DamageCount++
	if len(r.Damages) < maxDamages {
		detail, _, _ := strings.Cut(err.Error(), "\n") // the rest is the library's
		r.Damages = append(r.Damages, Damage{what, where, detail})
	}
}

// count adds to the counters. Safe for concurrent use.
func (r *Report) count(add func(r *Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(r)
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	for _, d := range r.Damages {
		where := d.Where
		if where != "" {
			where = " " + where
		}
		fmt.Fprintf(w, "✗ %s%s: %s\n", d.What, where, d.Detail)
	}
	if more := r.DamageCount - uint64(len(r.Damages)); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	fmt.Fprintf(w, "%s: %d entries, %d of them published\n", r.Origin, r.Size, r.Published)
	fmt.Fprintf(w, "  entries in their place in the tree: %d of %d\n", r.EntriesSound, r.Size)
	fmt.Fprintf(w, "  receipts that open and verify:      %d of %d (%d erased)\n", r.ReceiptsSound, r.Receipts-r.Erased, r.Erased)
	fmt.Fprintf(w, "  tables that verify block by block:  %d of %d\n", r.TablesSound, r.Tables)
	if r.CheckpointHolds {
		fmt.Fprintf(w, "  published checkpoint:               signed by the log, and the entries have its root\n")
	} else {
		fmt.Fprintf(w, "  published checkpoint:               does not hold\n")
	}
	verdict := "all sound"
	if !r.OK {
		verdict = fmt.Sprintf("damaged in %d places", r.DamageCount)
	}
	_, err := fmt.Fprintf(w, "%s\n", verdict)
	return err
}
