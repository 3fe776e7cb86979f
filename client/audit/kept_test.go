package audit

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

// keepsake is a log that keeps what it published.
type keepsake struct {
	*simlog
	kept []api.KeptCheckpoint
}

func (l *keepsake) Kept(_ context.Context, from uint64, after string, limit int) (page []api.KeptCheckpoint, err error) {
	for _, k := range l.kept {
		if k.Size > from || k.Size == from && k.At > after {
			page = append(page, k)
		}
	}
	return page[:min(len(page), limit)], nil
}

// keep publishes, and keeps what was published.
func (l *keepsake) keep() {
	l.pass("P1D")
	l.add(l.size, l.signed)
}

func (l *keepsake) add(size uint64, signed []byte) {
	l.kept = append(l.kept, api.KeptCheckpoint{Size: size, At: l.now.Format(time.RFC3339Nano), Checkpoint: string(signed)})
}

func newKeepsake(t *testing.T) *keepsake {
	l := &keepsake{simlog: newLog(t)}
	for range 3 {
		l.submit(acme)
		l.keep()
	}
	return l
}

func (l *keepsake) look(store Store) *account.Account {
	return l.audit(store, func(o *Options) { o.Log = l })
}

// TestKeptCheckpoints holds that an auditor who comes late looks at all that was
// published before it came, once, and finds nothing with an honest log.
func TestKeptCheckpoints(t *testing.T) {
	l, store := newKeepsake(t), newMemory()
	l.keep() // the same size again
	acc := l.look(store)
	if acc.Outcome() != account.Clean || acc.Kept == nil || acc.Kept.Checked != 4 || acc.Kept.Quorate != 4 || !acc.Kept.Complete {
		t.Fatalf("%+v: %v", acc.Kept, acc.Findings)
	}
	if n := len(acc.Checkpoints); n != 4 || acc.From.Size != acc.To.Size || acc.Checkpoints[0].Size >= acc.To.Size || acc.Checkpoints[n-1].Signed != acc.To.Signed {
		t.Errorf("of %d checkpoints the first is of size %d, and the log has %d entries", n, acc.Checkpoints[0].Size, acc.To.Size)
	}
	for range keptPage + 10 { // more than one page
		l.submit(acme)
		l.keep()
	}
	if acc = l.look(store); acc.Outcome() != account.Clean || acc.Kept.Checked != 4+keptPage+10 || !acc.Kept.Complete {
		t.Errorf("later: %+v: %v", acc.Kept, acc.Findings)
	}
	if acc = l.look(store); acc.Kept.Checked != 4+keptPage+10 {
		t.Errorf("looked at twice: %+v", acc.Kept)
	}
	if n := len(acc.Checkpoints); n != 4+keptPage+10 || !slices.IsSortedFunc(acc.Checkpoints, func(a, b account.Seen) int { return a.Last.Compare(b.Last) }) {
		t.Errorf("%d checkpoints of as many days, or not in order", n)
	}
	late := thin(append(clone(acc.Checkpoints), make([]account.Seen, maxSeen)...)) // all of one day
	if n := len(late); n > len(acc.Checkpoints)+maxSeen/2+1 {
		t.Errorf("%d of one day are not thinned: %d", maxSeen, n)
	}
}

// TestKeptCheckpointsThatCannotBe plays what a log's past can betray.
func TestKeptCheckpointsThatCannotBe(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(l *keepsake)
		want []verdict.Code
	}{
		{"another history was signed", func(l *keepsake) {
			other := newLog(l.t)
			other.signers, other.now = l.signers, l.now.Add(time.Hour)
			other.submit(acme)
			other.publish()
			l.kept[0] = api.KeptCheckpoint{Size: other.size, At: l.kept[0].At, Checkpoint: string(other.signed)}
		}, []verdict.Code{Fork}},
		{"a signature that is none", func(l *keepsake) {
			lines := strings.SplitAfterN(l.kept[1].Checkpoint, "\n", 3)
			l.kept[1].Checkpoint = lines[0] + "77\n" + lines[2]
		}, []verdict.Code{CheckpointInvalid}},
		{"shown under another size", func(l *keepsake) { l.kept[1].Checkpoint = l.kept[0].Checkpoint }, []verdict.Code{CheckpointInvalid}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newKeepsake(t)
			tt.edit(l)
			var got []verdict.Code
			for _, f := range l.look(newMemory()).Findings {
				got = append(got, f.Code)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %v, want %v", got, tt.want)
			}
		})
	}
}

// TestKeptWithoutQuorum holds that what was published without its witnesses is
// counted, and not taken for a crime of today.
func TestKeptWithoutQuorum(t *testing.T) {
	l := newKeepsake(t)
	l.submit(acme)
	l.now = l.now.Add(time.Hour)
	l.publishWith(l.signers[0])
	l.add(l.size, l.signed)
	l.submit(acme)
	l.keep()
	acc := l.look(newMemory())
	if acc.Outcome() != account.Clean || acc.Kept.Checked != 5 || acc.Kept.Quorate != 4 {
		t.Errorf("%+v: %v", acc.Kept, acc.Findings)
	}
	if slices.ContainsFunc(acc.Checkpoints, func(s account.Seen) bool { return !s.Quorum }) {
		t.Errorf("the account goes by a checkpoint without its quorum")
	}
}
