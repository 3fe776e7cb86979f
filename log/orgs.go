package log

import (
	"sync"

	"github.com/armalo/receiptlog/storage/index"
)

// maxKnownOrgs bounds the memory for handles, some 10 MB; beyond it they are
// looked up again.
const maxKnownOrgs = 1 << 16

// org is an organisation's handle, and its text.
type org struct {
	handle index.Handle
	text   string
}

// orgs remembers the handles of organisations, which never change. Whether a
// handle's row is written yet is for package index to know. Safe for concurrent
// use.
type orgs struct {
	index *index.Index

	mu    sync.RWMutex
	known map[string]org
}

func newOrgs(x *index.Index) *orgs {
	return &orgs{index: x, known: make(map[string]org)}
}

// handle returns the organisation's handle, drawing one if it has none.
func (o *orgs) handle(name string) (org, error) {
	o.mu.RLock()
	known, ok := o.known[name]
	o.mu.RUnlock()
	if ok {
		return known, nil
	}
	h, err := o.index.Handle(name)
	if err != nil {
		return org{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) >= maxKnownOrgs {
		clear(o.known)
	}
	known = org{handle: h, text: h.String()}
	o.known[name] = known
	return known, nil
}
