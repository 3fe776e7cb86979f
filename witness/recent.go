package witness

import "sync"

// recent is a cache of bounded size. It keeps the items used last: when it is
// full, what was not used since it was last full is dropped.
type recent[K comparable, V any] struct {
	mu       sync.Mutex
	limit    int
	now, old map[K]V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, now: make(map[K]V)}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(key)
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(key, value)
}

// getOr returns the item under key, and puts what create returns if there is none.
func (r *recent[K, V]) getOr(key K, create func() V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.find(key); ok {
		return v
	}
	v := create()
	r.add(key, v)
	return v
}

func (r *recent[K, V]) find(key K) (V, bool) {
	v, ok := r.now[key]
	if ok {
		return v, true
	}
	if v, ok = r.old[key]; ok {
		r.add(key, v)
	}
	return v, ok
}

func (r *recent[K, V]) add(key K, value V) {
	if len(r.now) >= r.limit {
		r.old, r.now = r.now, make(map[K]V)
	}
	r.now[key] = value
}
