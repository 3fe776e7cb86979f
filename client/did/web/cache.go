package web

import (
	"container/list"
	"time"
)

// maxCached bounds the cache. With documents of the greatest size it takes
// some 12 MiB.
const maxCached = 256

// cache keeps the flights that have landed, the least recently used of which
// goes first. The zero cache is empty. It is not safe for concurrent use.
type cache struct {
	order list.List // of *cached, the most recently used in front
	byID  map[string]*list.Element
}

type cached struct {
	id     string
	flight *flight
	until  time.Time
}

// get returns what is held for id and has not run out at now, or nil.
func (c *cache) get(id string, now time.Time) *flight {
	e := c.byID[id]
	if e == nil {
		return nil
	}
	if !now.Before(e.Value.(*cached).until) {
		c.drop(e)
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).flight
}

// put holds f for id until the time given.
func (c *cache) put(id string, f *flight, until time.Time) {
	if c.byID == nil {
		c.byID = make(map[string]*list.Element)
	}
	if e := c.byID[id]; e != nil {
		c.drop(e)
	}
	if len(c.byID) == maxCached {
		c.drop(c.order.Back())
	}
	c.byID[id] = c.order.PushFront(&cached{id, f, until})
}

func (c *cache) drop(e *list.Element) {
	delete(c.byID, e.Value.(*cached).id)
	c.order.Remove(e)
}
