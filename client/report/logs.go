package report

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// logTally is what the bundles show of one log.
type logTally struct {
	roots  map[uint64][32]byte // by tree size
	size   uint64
	signed []byte // the newest checkpoint
	sum    [32]byte
}

// observeCheckpoint keeps the newest checkpoint and looks for two trees of one
// size.
func (k *Collector) observeCheckpoint(e *Examined) {
	cp := e.checkpoint
	t := k.logs[cp.Origin]
	if t == nil {
		t = &logTally{roots: make(map[uint64][32]byte)}
		k.logs[cp.Origin] = t
	}
	root, known := t.roots[cp.Size]
	if known && root != cp.Root {
		k.forks[fmt.Sprintf("%s\x00size %d", cp.Origin, cp.Size)] = Conflict{
			Kind: ConflictFork, Log: cp.Origin, Detail: fmt.Sprintf("the log has signed two different trees of %d entries", cp.Size),
		}
	}
	if !known {
		t.roots[cp.Size] = cp.Root
	}
	if bytes.Equal(t.signed, e.signed) {
		return // as mostly
	}
	if size, sum := e.Checkpoint(); size > t.size || size == t.size && bytes.Compare(sum[:], t.sum[:]) > 0 {
		t.size, t.sum, t.signed = size, sum, e.signed
	}
}

func (k *Collector) logStates(places []place) []LogState {
	out := []LogState{}
	sizes := make(map[string]map[uint64]bool)
	for _, at := range places {
		if sizes[at.origin] == nil {
			sizes[at.origin] = make(map[uint64]bool)
		}
		sizes[at.origin][k.seen[at].size] = true
	}
	for _, origin := range slices.Sorted(maps.Keys(k.logs)) {
		t := k.logs[origin]
		root := t.roots[t.size]
		out = append(out, LogState{Origin: origin, Size: t.size, Root: hex.EncodeToString(root[:]),
			Checkpoint: string(t.signed), Checkpoints: len(sizes[origin])})
	}
	return out
}
