package audit

import (
	"cmp"
	"encoding/base64"
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/retention"
)

// stateVersion is the value of the member "audit" of the state file.
const stateVersion = "receiptlog/v1"

// state is what stands in the state file.
type state struct {
	Audit  string `json:"audit"`
	Origin string `json:"origin"`
	// Verified is as of the last checkpoint whose root the entries gave.
	Verified position `json:"verified"`
	// Progress is where a run behind that has come, whose entries no root has
	// vouched for yet.
	Progress *position `json:"progress,omitzero"`
	// Seen are the checkpoints verified, oldest first.
	Seen []account.Seen `json:"seen"`
	// Findings about the log as a whole, and about bodies, as opposed to those
	// about entries, which stand in a position.
	Findings []account.Finding `json:"findings"`
	Dropped  uint64            `json:"dropped,omitzero"`
	// Told are the alerts that a monitor has told of and that still stand.
	Told []string `json:"told,omitzero"`
	// Kept is how far the checkpoints that the log keeps were looked at, and Past
	// those of them that hold and have their quorum, oldest first.
	Kept *account.Kept  `json:"kept,omitzero"`
	Past []account.Seen `json:"past,omitzero"`
	// Round is the retention check that is under way, if one is.
	Round *round `json:"round,omitzero"`
}

// position is everything that was derived from the entries before an index.
type position struct {
	Size     uint64             `json:"size"`
	Edge     []string           `json:"edge"` // base64
	Rules    retention.Snapshot `json:"rules"`
	Issuers  []archived         `json:"issuers"`
	Erasures []account.Erased   `json:"erasures"`
	Entries  map[string]uint64  `json:"entries"`
	Orgs     []string           `json:"orgs"` // by number, from 1
	DIDs     []string           `json:"dids"` // likewise
	Findings []account.Finding  `json:"findings"`
	Dropped  uint64             `json:"dropped,omitzero"`
}

// archived is an issuer entry with its document, for verifying bodies with.
type archived struct {
	account.Issuer
	Document string `json:"document"`
}

// encodeEdge and decodeEdge write hashes as base64.
func encodeEdge(e edge) []string {
	out := make([]string, len(e.nodes))
	for i, h := range e.nodes {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

func decodeEdge(size uint64, encoded []string) (edge, error) {
	e := edge{size: size}
	for _, s := range encoded {
		h, err := checkpoint.ParseHash(s)
		if err != nil {
			return e, fmt.Errorf("edge of the tree: %w", err)
		}
		e.nodes = append(e.nodes, h)
	}
	if !e.valid() {
		return e, errors.New("edge of the tree has another number of nodes than its size")
	}
	return e, nil
}

// errState says that the state file cannot be used.
var errState = errors.New("the auditor's state is damaged or of another version")

func parseState(data []byte) (*state, error) {
	s := new(state)
	if err := json.Unmarshal(data, s, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %v", errState, err)
	}
	if s.Audit != stateVersion {
		return nil, fmt.Errorf("%w: it is %q", errState, s.Audit)
	}
	return s, nil
}

// load takes up a state, or begins one.
func (a *Auditor) load() error {
	data, err := a.opts.Store.Load()
	if err != nil {
		return err
	}
	if data == nil {
		a.state = &state{Audit: stateVersion}
		return a.rewind()
	}
	if a.state, err = parseState(data); err != nil {
		return err
	}
	a.found = findings{list: a.state.Findings, dropped: a.state.Dropped}
	from := &a.state.Verified
	if a.state.Progress != nil {
		from = a.state.Progress
	}
	return a.resume(from)
}

// rewind goes back to the last verified checkpoint.
func (a *Auditor) rewind() error {
	a.state.Progress = nil
	return a.resume(&a.state.Verified)
}

// resume makes a position the one to go on from.
func (a *Auditor) resume(p *position) error {
	e, err := decodeEdge(p.Size, p.Edge)
	if err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	rules, err := retention.Restore(a.opts.Terms, p.Rules)
	if err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	f := &follower{
		edge: e, rules: rules, ledger: a.ledger,
		orgs: names{list: clone(p.Orgs)}, dids: names{list: clone(p.DIDs)},
		entries: make(map[string]uint64), erasures: clone(p.Erasures),
		findings: findings{list: clone(p.Findings), dropped: p.Dropped},
		watched:  a.opts.Watch,
	}
	for kind, n := range p.Entries {
		f.entries[kind] = n
	}
	for _, i := range p.Issuers {
		if err := f.keys.restore(i); err != nil {
			return fmt.Errorf("%w: %w", errState, err)
		}
	}
	a.follower = f
	return nil
}

// position returns what a follower has derived, for the state file.
func (f *follower) position() position {
	return position{
		Size: f.edge.size, Edge: encodeEdge(f.edge), Rules: f.rules.Snapshot(), Issuers: f.keys.all,
		Erasures: f.erasures, Entries: maps.Clone(f.entries), Orgs: f.orgs.list, DIDs: f.dids.list,
		Findings: f.findings.list, Dropped: f.findings.dropped,
	}
}

// save makes the ledger durable and then replaces the state in one step.
func (a *Auditor) save() error {
	if err := a.ledger.flush(); err != nil {
		return err
	}
	a.state.Findings, a.state.Dropped = a.found.list, a.found.dropped
	data, err := json.Marshal(a.state)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return a.opts.Store.Replace(data)
}

func clone[T any](s []T) []T { return append([]T(nil), s...) }

// maxSeen is how many checkpoints are kept one by one; older ones are thinned
// to the last of each day, so that ten years take 4,000 at 3 KB.
const maxSeen = 256

// remember notes a checkpoint that was verified.
func (s *state) remember(seen account.Seen) { s.Seen = thin(append(s.Seen, seen)) }

// rememberPast notes one that the log kept of its past.
func (s *state) rememberPast(seen account.Seen) { s.Past = thin(append(s.Past, seen)) }

// thin thins a list once it is long.
func thin(all []account.Seen) []account.Seen {
	if len(all) <= maxSeen {
		return all
	}
	old, recent := all[1:len(all)-maxSeen/2], all[len(all)-maxSeen/2:]
	thinned := all[:1:1] // the first one is kept for good
	for i, o := range old {
		if i+1 == len(old) || day(o) != day(old[i+1]) {
			thinned = append(thinned, o)
		}
	}
	return append(thinned, recent...)
}

// checkpoints are those of the past and those seen, oldest first.
func (s *state) checkpoints() []account.Seen {
	all := slices.Concat(s.Past, s.Seen)
	slices.SortStableFunc(all, func(a, b account.Seen) int {
		return cmp.Or(cmp.Compare(a.Size, b.Size), a.Last.Compare(b.Last))
	})
	return slices.CompactFunc(all, func(a, b account.Seen) bool { return a.Signed == b.Signed })
}

func day(s account.Seen) string { return s.Last.Format(time.DateOnly) }
