package report

import (
	"container/heap"
	"slices"
	"strings"
)

// lowest keeps the items with the lowest keys, at most a given number. So a
// bounded list does not depend on the order in which receipts come.
type lowest[T any] struct {
	most  int
	items keyedHeap[T]
}

type keyed[T any] struct {
	key  string
	item T
}

func newLowest[T any](most int) *lowest[T] { return &lowest[T]{most: most} }

// add offers an item. It is made only if it is kept.
func (l *lowest[T]) add(key string, item func() T) {
	switch {
	case len(l.items) < l.most:
		heap.Push(&l.items, keyed[T]{key, item()})
	case l.most > 0 && key < l.items[0].key:
		l.items[0] = keyed[T]{key, item()}
		heap.Fix(&l.items, 0)
	}
}

// sorted returns what is kept in the order of the keys; never nil.
func (l *lowest[T]) sorted() []T {
	items := slices.SortedFunc(slices.Values(l.items), func(a, b keyed[T]) int { return strings.Compare(a.key, b.key) })
	out := make([]T, len(items))
	for i := range items {
		out[i] = items[i].item
	}
	return out
}

// keyedHeap has the highest key at its top.
type keyedHeap[T any] []keyed[T]

func (h keyedHeap[T]) Len() int           { return len(h) }
func (h keyedHeap[T]) Less(i, j int) bool { return h[i].key > h[j].key }
func (h keyedHeap[T]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *keyedHeap[T]) Push(x any)        { *h = append(*h, x.(keyed[T])) }
func (h *keyedHeap[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
