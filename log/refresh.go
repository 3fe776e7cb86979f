package log

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/did"
)

const (
	// refreshers is how many issuers are asked at a time. One that does not
	// answer takes ten seconds.
	refreshers = 8
	// How often the refresher looks round for issuers to ask.
	leastRound, mostRound = 10 * time.Millisecond, 10 * time.Second
)

// refreshIssuers looks for the documents of the issuers that receipts rely on,
// until ctx ends, and archives each one that has changed: so the log says when a
// key was added or removed, also where no receipt comes.
func (l *Log) refreshIssuers(ctx context.Context) {
	ticker := time.NewTicker(min(max(l.opts.IssuerRefresh/10, leastRound), mostRound))
	defer ticker.Stop()
	for {
		l.refreshRound(ctx)
		select {
		case <-ctx.Done():
			l.storeSightings() // the database is still open
			return
		case <-ticker.C:
		}
	}
}

func (l *Log) refreshRound(ctx context.Context) {
	slots := make(chan struct{}, refreshers)
	var wg sync.WaitGroup
	for _, i := range l.issuers {
		if !i.due(l) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			i.refresh(ctx, l)
		})
	}
	wg.Wait()
	l.storeSightings()
}

// due reports whether the issuer is to be asked.
func (i *issuer) due(l *Log) bool {
	i.mu.RLock()
	relied := i.at.needed
	i.mu.RUnlock()
	if !relied {
		return false
	}
	s := &i.sight
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := l.opts.IssuerRefresh
	if !s.since.IsZero() {
		wait = retry(&l.opts)
	}
	return l.clock().Sub(s.asked) >= wait
}

// refresh looks for the issuer's document and archives it if it has changed.
func (i *issuer) refresh(ctx context.Context, l *Log) {
	if i.look(ctx, l, l.clock()) != nil || l.accepting() != nil {
		return
	}
	i.sight.mu.Lock()
	doc, failed := i.sight.doc, !i.sight.since.IsZero()
	i.sight.mu.Unlock()
	if failed || doc == nil {
		return
	}
	err := i.rely(ctx, l, doc, func(*did.Document, standing) error { return nil })
	if err != nil && ctx.Err() == nil && l.accepting() == nil {
		l.logger.Warn("the issuer's new DID document is not archived yet", "issuer", i.name, "error", err)
	}
}

// storeSightings stores when documents were last seen, for after a restart.
func (l *Log) storeSightings() {
	b, changed := l.db.NewBatch(), false
	for _, i := range l.issuers {
		i.mu.RLock()
		at := i.at
		i.mu.RUnlock()
		if at.needed {
			changed = i.sight.save(b, at.index) || changed
		}
	}
	if !changed {
		return
	}
	if err := b.Commit(false); err != nil {
		l.logger.Warn("when issuers' documents were last seen is not stored", "error", err)
	}
}

// IssuerFailure is an issuer that receipts rely on and whose document cannot be
// had.
type IssuerFailure struct {
	DID   string
	Since time.Time // of the first failure
	Seen  time.Time // when its document was last seen
	// Until is how long the log goes on with the document as last seen; after
	// that it takes no receipts of the issuer.
	Until time.Time
}

// IssuerFailures returns the issuers whose documents cannot be had, by DID.
func (l *Log) IssuerFailures() []IssuerFailure {
	var all []IssuerFailure
	for _, i := range l.issuers {
		s := &i.sight
		s.mu.Lock()
		if !s.since.IsZero() && s.doc != nil {
			all = append(all, IssuerFailure{DID: i.name, Since: s.since, Seen: s.seen, Until: s.until(&l.opts)})
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b IssuerFailure) int { return strings.Compare(a.DID, b.DID) })
	return all
}

// oldestSighting is when the document that was not seen for the longest was last
// seen; the zero time where receipts rely on none.
func (l *Log) oldestSighting() (oldest time.Time) {
	for _, i := range l.issuers {
		s := &i.sight
		s.mu.Lock()
		if s.doc != nil && (oldest.IsZero() || s.seen.Before(oldest)) {
			oldest = s.seen
		}
		s.mu.Unlock()
	}
	return oldest
}
