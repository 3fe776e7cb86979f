package driver

import (
	"errors"
	"sync"

	"github.com/transparency-dev/tessera"
)

// item is an entry on its way into the log.
type item struct {
	entry   *tessera.Entry
	records Records
}

// group is the entries that are sequenced together. All their futures wait for
// one channel, so that an entry costs neither a channel nor a goroutine.
type group struct {
	items []item
	bytes int

	first   uint64        // leaf of the first entry that got one
	refused map[int]error // entries that got none, by their place in items
	shift   []int         // if any was refused: how many were before each item

	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

func newGroup(items []item) *group {
	return &group{items: items, done: make(chan struct{})}
}

// refuse notes that item i gets no leaf. Items are refused in order.
func (g *group) refuse(i int, err error) {
	if g.refused == nil {
		g.refused = make(map[int]error)
	}
	g.refused[i] = err
}

// accepted is the number of items that get a leaf.
func (g *group) accepted() int { return len(g.items) - len(g.refused) }

// settle fixes which leaf each item has; no item is refused afterwards.
func (g *group) settle() {
	if len(g.refused) == 0 {
		return
	}
	g.shift = make([]int, len(g.items))
	n := 0
	for i := range g.items {
		g.shift[i] = n
		if _, ok := g.refused[i]; ok {
			n++
		}
	}
}

// sequenced returns the items that get a leaf, in the order of their leaves.
func (g *group) sequenced() []item {
	if len(g.refused) == 0 {
		return g.items
	}
	items := make([]item, 0, g.accepted())
	for i := range g.items {
		if _, ok := g.refused[i]; !ok {
			items = append(items, g.items[i])
		}
	}
	return items
}

// resolve lets all futures return: their leaves, or err. Only the first call
// counts.
func (g *group) resolve(err error) {
	g.once.Do(func() {
		g.err = err
		close(g.done)
	})
}

// wait is the future of item i.
func (g *group) wait(i int) (tessera.Index, error) {
	<-g.done
	if g.err != nil {
		return tessera.Index{}, g.err
	}
	if g.refused == nil {
		return tessera.Index{Index: g.first + uint64(i)}, nil
	}
	if err, ok := g.refused[i]; ok {
		var dup *Duplicate
		if errors.As(err, &dup) {
			return tessera.Index{Index: dup.Leaf, IsDup: true}, nil
		}
		return tessera.Index{}, err
	}
	return tessera.Index{Index: g.first + uint64(i-g.shift[i])}, nil
}
