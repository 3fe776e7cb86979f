package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/retention"
)

// File is where a ledger is kept.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes what was written durable.
	Sync() error
}

// record is what the ledger holds of one entry:
//
//	32 bytes commitment
//	 8 bytes at, unix seconds
//	 8 bytes until, unix seconds; 0 without end
//	 8 bytes erased: 0 no, else (index of the erasure + 1) * 2, + 1 where lawful
//	 4 bytes organisation, by its number; 0 where the entry is no receipt
//	 4 bytes issuer, by its number
type record struct {
	commitment [32]byte
	at, until  int64
	erased     uint64
	org        uint32
	issuer     uint32
}

const (
	recordBytes = 64
	// pageRecords makes a page 256 KiB, and maxPages the cache 8 MiB.
	pageRecords = 4096
	maxPages    = 32
)

// ledger is the paged file of records. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	file  File
	pages map[uint64]*page
	clock uint64
}

type page struct {
	data  []byte
	used  uint64 // when, by the ledger's clock
	dirty bool
}

func newLedger(f File) *ledger { return &ledger{file: f, pages: make(map[uint64]*page)} }

// get returns record i; one that was never written is zero.
func (l *ledger) get(i uint64) (r record, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, err := l.page(i / pageRecords)
	if err != nil {
		return r, err
	}
	b := p.data[i%pageRecords*recordBytes:][:recordBytes]
	copy(r.commitment[:], b)
	r.at = int64(binary.LittleEndian.Uint64(b[32:]))
	r.until = int64(binary.LittleEndian.Uint64(b[40:]))
	r.erased = binary.LittleEndian.Uint64(b[48:])
	r.org = binary.LittleEndian.Uint32(b[56:])
	r.issuer = binary.LittleEndian.Uint32(b[60:])
	return r, nil
}

// put writes record i. It is durable after flush.
func (l *ledger) put(i uint64, r record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, err := l.page(i / pageRecords)
	if err != nil {
		return err
	}
	b := p.data[i%pageRecords*recordBytes:][:recordBytes]
	copy(b, r.commitment[:])
	binary.LittleEndian.PutUint64(b[32:], uint64(r.at))
	binary.LittleEndian.PutUint64(b[40:], uint64(r.until))
	binary.LittleEndian.PutUint64(b[48:], r.erased)
	binary.LittleEndian.PutUint32(b[56:], r.org)
	binary.LittleEndian.PutUint32(b[60:], r.issuer)
	p.dirty = true
	return nil
}

// page returns a page that is in memory, reading it in if need be.
func (l *ledger) page(n uint64) (*page, error) {
	l.clock++
	if p := l.pages[n]; p != nil {
		p.used = l.clock
		return p, nil
	}
	if len(l.pages) >= maxPages {
		if err := l.evict(); err != nil {
			return nil, err
		}
	}
	p := &page{data: make([]byte, pageRecords*recordBytes), used: l.clock}
	_, err := l.file.ReadAt(p.data, int64(n*pageRecords*recordBytes))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l.pages[n] = p
	return p, nil
}

// evict writes back and drops the page that was not used for longest.
func (l *ledger) evict() error {
	oldest, found := uint64(0), (*page)(nil)
	for n, p := range l.pages {
		if found == nil || p.used < found.used {
			oldest, found = n, p
		}
	}
	if err := l.write(oldest, found); err != nil {
		return err
	}
	delete(l.pages, oldest)
	return nil
}

func (l *ledger) write(n uint64, p *page) error {
	if !p.dirty {
		return nil
	}
	if _, err := l.file.WriteAt(p.data, int64(n*pageRecords*recordBytes)); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	p.dirty = false
	return nil
}

// flush makes everything that was put durable.
func (l *ledger) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, p := range l.pages {
		if err := l.write(n, p); err != nil {
			return err
		}
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("sync ledger: %w", err)
	}
	return nil
}

// isReceipt reports whether the record is of a receipt entry.
func (r record) isReceipt() bool { return r.org != 0 }

// erasedBy returns the erasure before the given index that named the receipt.
// A mark by a later one was left by a run that did not come to its end.
func (r record) erasedBy(before uint64) (index uint64, lawful, ok bool) {
	if r.erased == 0 || r.erased/2-1 >= before {
		return 0, false, false
	}
	return r.erased/2 - 1, r.erased&1 == 1, true
}

func (r *record) markErased(by uint64, lawful bool) {
	r.erased = (by + 1) * 2
	if lawful {
		r.erased++
	}
}

func (r record) promise(orgs *names) retention.Promise {
	p := retention.Promise{Org: orgs.name(r.org), At: time.Unix(r.at, 0).UTC()}
	if r.until != 0 {
		p.Until = time.Unix(r.until, 0).UTC()
	}
	return p
}

// names numbers strings from 1.
type names struct {
	list []string
	by   map[string]uint32
}

func (n *names) number(s string) uint32 {
	if n.by == nil {
		n.by = make(map[string]uint32)
		for i, old := range n.list {
			n.by[old] = uint32(i + 1)
		}
	}
	if number, ok := n.by[s]; ok {
		return number
	}
	n.list = append(n.list, s)
	n.by[s] = uint32(len(n.list))
	return n.by[s]
}

func (n *names) name(number uint32) string {
	if number == 0 || int(number) > len(n.list) {
		return ""
	}
	return n.list[number-1]
}
