package cas

import "sync"

// locks is one lock per name in use, and no memory for names that are not: a
// witness has many thousand logs of which few are active at a time.
type locks struct {
	mu    sync.Mutex
	names map[string]*nameLock
}

type nameLock struct {
	mu    sync.RWMutex
	users int // guarded by locks.mu
}

// get returns the lock of name, not yet locked. Each get needs a put.
func (l *locks) get(name string) *nameLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = make(map[string]*nameLock)
	}
	n := l.names[name]
	if n == nil {
		n = new(nameLock)
		l.names[name] = n
	}
	n.users++
	return n
}

// put gives back the lock of name after it was unlocked.
func (l *locks) put(name string, n *nameLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.users--; n.users == 0 {
		delete(l.names, name)
	}
}
