package driver

import (
	"errors"
	"fmt"
	"sync"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/client/tile"
)

const (
	// maxFlights is how many batches may be applied and not known durable: one
	// being synced, one prepared behind it.
	maxFlights = 2

	// eagerLeaves is how many leaves make it worth to prepare a batch while the
	// one before is still being synced. Fewer wait for the sync, and for company.
	eagerLeaves = 512

	// recordBytes is what the rows of an entry are taken to need if they do not
	// say.
	recordBytes = 256
)

// queue gathers entries into groups, and hands group after group to the
// sequencer. A group becomes one batch, unless it is empty.
type queue struct {
	maxLeaves      int
	maxBytes       int
	maxOutstanding int

	mu          sync.Mutex
	ready       sync.Cond // the sequencer may find something to do
	groups      []*group  // not yet taken, oldest first; the last one is open
	flights     []*group  // taken and not yet resolved, oldest first
	outstanding int       // entries in groups and flights
	spare       [][]item  // of groups that are resolved, to be used again
	err         error     // why nothing is accepted any more
	failed      bool      // and nothing is sequenced either
}

func newQueue(maxLeaves, maxBytes, maxOutstanding int) *queue {
	q := &queue{maxLeaves: maxLeaves, maxBytes: maxBytes, maxOutstanding: maxOutstanding}
	q.ready.L = &q.mu
	return q
}

// add appends an entry to the open group. It does not block, and allocates
// nothing but the future.
func (q *queue) add(e *tessera.Entry, r Records) tessera.IndexFuture {
	// SPEC tlog-tiles: the length of an entry is a uint16.
	if len(e.Data()) > tile.MaxEntryBytes {
		return refused(fmt.Errorf("entry of %d bytes: at most %d fit a bundle", len(e.Data()), tile.MaxEntryBytes))
	}
	if len(e.LeafHash()) != tile.HashSize {
		return refused(errors.New("entry has no leaf hash: make it with tessera.NewEntry"))
	}
	q.mu.Lock()
	if q.err != nil {
		err := q.err
		q.mu.Unlock()
		return refused(err)
	}
	if q.maxOutstanding > 0 && q.outstanding >= q.maxOutstanding {
		q.mu.Unlock()
		return refused(tessera.ErrPushbackIntegration)
	}
	g := q.open(entryBytes(e, r))
	i := len(g.items)
	g.items = append(g.items, item{entry: e, records: r})
	q.outstanding++
	if q.mayTake() {
		q.ready.Signal()
	}
	q.mu.Unlock()
	return func() (tessera.Index, error) { return g.wait(i) }
}

// open returns the group that takes an entry of that many bytes.
func (q *queue) open(bytes int) *group {
	if n := len(q.groups); n > 0 {
		g := q.groups[n-1]
		if len(g.items) < q.maxLeaves && g.bytes+bytes <= q.maxBytes {
			g.bytes += bytes
			return g
		}
	}
	var items []item
	if n := len(q.spare); n > 0 {
		items, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	g := newGroup(items)
	g.bytes = bytes
	q.groups = append(q.groups, g)
	return g
}

// mayTake reports whether the sequencer should take a group now.
func (q *queue) mayTake() bool {
	if q.failed || len(q.groups) == 0 || len(q.flights) >= maxFlights {
		return false
	}
	return len(q.flights) == 0 || len(q.groups) > 1 || len(q.groups[0].items) >= eagerLeaves
}

// take returns the oldest group once it is time to sequence it, and nil when
// there will be none any more.
func (q *queue) take() *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.mayTake() {
		if q.failed || q.err != nil && len(q.groups) == 0 {
			return nil
		}
		q.ready.Wait()
	}
	g := q.groups[0]
	q.groups[0] = nil
	q.groups = q.groups[1:]
	q.flights = append(q.flights, g)
	return g
}

// land resolves the oldest flight, whose batch is durable.
func (q *queue) land(g *group) {
	items := g.items
	g.items = nil // futures may be kept long; entries need not
	clear(items)

	q.mu.Lock()
	if !q.failed {
		q.flights = q.flights[1:]
		q.outstanding -= len(items)
		if len(q.spare) <= maxFlights {
			q.spare = append(q.spare, items[:0])
		}
		q.ready.Signal()
	}
	q.mu.Unlock()
	g.resolve(nil)
}

// close makes the queue refuse entries with err. What it has is still taken.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.ready.Broadcast()
}

// fail resolves every entry that is not known durable with err, and refuses all
// others.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed {
		return
	}
	q.err, q.failed = err, true
	for _, g := range append(q.flights, q.groups...) {
		g.resolve(err)
	}
	q.flights, q.groups, q.outstanding = nil, nil, 0
	q.ready.Broadcast()
}

func refused(err error) tessera.IndexFuture {
	return func() (tessera.Index, error) { return tessera.Index{}, err }
}

func entryBytes(e *tessera.Entry, r Records) int {
	n := 2 + len(e.Data())
	if r == nil {
		return n
	}
	if s, ok := r.(Sized); ok {
		return n + s.Size()
	}
	return n + recordBytes
}
