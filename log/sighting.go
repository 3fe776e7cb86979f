package log

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/kv"
)

const (
	// retryAfter is how long after a failure an issuer is asked again.
	retryAfter = 30 * time.Second
	// leastWait bounds how often strangers, with receipts signed by keys that
	// nobody knows, make the log ask an issuer's web site.
	leastWait = time.Second
)

// sighting is an issuer's document as it was last seen where the issuer publishes
// it, and how the asking goes. The zero value has seen nothing.
//
// A document that was seen lately is used without asking. Where it cannot be had
// for a while the last one is used on, within bounds: an issuer's web site that
// is down does not stop its builds. One that says that there is no such document
// is believed: it was withdrawn.
type sighting struct {
	mu     sync.Mutex
	doc    *did.Document // nil if never seen
	seen   time.Time     // when
	asked  time.Time     // when last, with whatever outcome
	since  time.Time     // of the first failure after the last success; else zero
	why    error         // of the last failure, with since
	flight chan struct{} // closed when the asking under way has ended; else nil

	saved time.Time // what is stored of seen; for the refresher alone
	leaf  uint64    // and under which entry
}

// withdrawn says that there is no document, on the word of whoever would have it.
type withdrawn struct{ coded *verdict.Error }

func (w *withdrawn) Error() string { return w.coded.Error() }
func (w *withdrawn) Unwrap() error { return w.coded }

// load takes up what was seen before a restart.
func (s *sighting) load(l *Log, leaf uint64, archived *entry.Issuer) (err error) {
	if s.doc, err = did.ParseDocument(archived.Document); err != nil {
		return fmt.Errorf("entry %d: %w", leaf, err)
	}
	s.seen, s.leaf = archived.At, leaf
	row, err := l.db.Get(kv.SightingKey(leaf))
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return nil
	case err != nil:
		return err
	case len(row) != 8:
		return fmt.Errorf("sighting of entry %d has a row of %d bytes", leaf, len(row))
	}
	s.saved = time.Unix(0, int64(binary.BigEndian.Uint64(row))).UTC()
	if s.saved.After(s.seen) {
		s.seen = s.saved
	}
	s.asked = s.seen
	return nil
}

// save notes in b when the document of the entry at leaf was last seen. What is
// lost of it in a crash makes a document look older than it is.
func (s *sighting) save(b *kv.Batch, leaf uint64) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.Equal(s.saved) && s.leaf == leaf {
		return false
	}
	if s.leaf != leaf {
		b.Delete(kv.SightingKey(s.leaf))
	}
	b.Set(kv.SightingKey(leaf), binary.BigEndian.AppendUint64(nil, uint64(s.seen.UnixNano())))
	s.saved, s.leaf = s.seen, leaf
	return true
}

// latest returns the document to go by. ask says that it has to be looked for
// first; asked says that it was, and could not be had.
func (s *sighting) latest(now time.Time, o *Options, asked bool) (doc *did.Document, ask bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.seen)
	_, gone := s.why.(*withdrawn)
	switch {
	case s.doc != nil && age <= 2*o.IssuerRefresh && !gone:
		return s.doc, false, nil // the refresher comes by in time
	case !asked && (s.since.IsZero() || now.Sub(s.asked) >= retry(o)):
		return nil, true, nil
	case s.doc == nil || gone:
		return nil, !asked, s.why // whoever answers remembers failures too
	case age <= o.IssuerMaxAge:
		return s.doc, false, nil
	}
	return nil, false, verdict.Errorf(verdict.IssuerUnavailable, "issuer", "the DID document of %s was last seen at %s, longer ago than a log may rely on it", s.doc.DID(), entry.FormatTime(s.seen))
}

// retry is the time after a failure before an issuer is asked again.
func retry(o *Options) time.Duration { return min(retryAfter, o.IssuerRefresh) }

// resolve returns the issuer's document as of now, or as it was last seen.
func (i *issuer) resolve(ctx context.Context, l *Log) (*did.Document, error) {
	if i.selfMade != nil {
		return i.selfMade, nil
	}
	doc, ask, err := i.sight.latest(l.clock(), &l.opts, false)
	if !ask {
		return doc, err
	}
	if err := i.look(ctx, l, l.clock()); err != nil {
		return nil, err
	}
	doc, _, err = i.sight.latest(l.clock(), &l.opts, true)
	return doc, err
}

// lookAgain looks for the document anew, if it was not done a moment ago, and
// reports whether there is another one now.
func (i *issuer) lookAgain(ctx context.Context, l *Log) bool {
	if i.selfMade != nil {
		return false
	}
	i.sight.mu.Lock()
	before, wait := i.sight.doc, l.clock().Sub(i.sight.asked) < min(leastWait, l.opts.IssuerRefresh)
	i.sight.mu.Unlock()
	if wait || i.look(ctx, l, l.clock()) != nil {
		return false
	}
	i.sight.mu.Lock()
	defer i.sight.mu.Unlock()
	return i.sight.doc != before
}

// look asks for the document, and waits for the answer or for ctx. All who ask at
// once share an answer, and answers come in one at a time, so that an older one
// never takes the place of a newer. The error is that of ctx.
func (i *issuer) look(ctx context.Context, l *Log, now time.Time) error {
	s := &i.sight
	s.mu.Lock()
	flight := s.flight
	if flight == nil {
		flight = make(chan struct{})
		s.flight = flight
		ask := l.resolver.Resolve // which remembers failures
		if s.doc != nil && s.since.IsZero() {
			ask = func(ctx context.Context, name string) (*did.Document, error) {
				return did.Refresh(ctx, l.resolver, name)
			}
		}
		// Whoever asked first may hang up; the others wait on.
		go i.fly(context.WithoutCancel(ctx), l, flight, ask)
	}
	s.mu.Unlock()
	select {
	case <-flight:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("resolve %s: %w", i.name, ctx.Err())
	}
}

// fly asks and takes down the answer. It ends within resolveTimeout.
func (i *issuer) fly(ctx context.Context, l *Log, flight chan struct{}, ask func(context.Context, string) (*did.Document, error)) {
	doc, err := l.lookUp(ctx, i.name, ask)
	s, now := &i.sight, l.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(flight)
	s.flight, s.asked = nil, now
	if err == nil {
		if !s.since.IsZero() && s.doc != nil {
			l.logger.Info("the issuer's DID document can be had again", "issuer", i.name, "failed_since", s.since)
		}
		s.doc, s.seen, s.since, s.why = doc, now, time.Time{}, nil
		return
	}
	s.why = err
	if !s.since.IsZero() {
		return
	}
	s.since = now
	if s.doc != nil {
		l.logger.Warn("the issuer's DID document cannot be had", "issuer", i.name, "last_seen", s.seen, "relied_on_until", s.until(&l.opts), "error", err)
	}
}

// until is when the document is not relied on any more, unless it is seen again.
// The caller holds the lock.
func (s *sighting) until(o *Options) time.Time {
	if _, gone := s.why.(*withdrawn); gone {
		return s.since
	}
	return s.seen.Add(o.IssuerMaxAge)
}
