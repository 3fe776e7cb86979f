package witness

import (
	"sync"
	"time"
)

// bucket allows some events a second, and some at once. It knows one instant:
// when it would be full again if nothing more happened.
type bucket struct {
	mu   sync.Mutex
	full time.Time
}

// take takes one event, if allowed at this instant. Else it says how long to
// wait. A rate of 0 allows everything.
func (b *bucket) take(now time.Time, perSecond float64, burst int) (wait time.Duration, ok bool) {
	if perSecond <= 0 {
		return 0, true
	}
	each := time.Duration(float64(time.Second) / perSecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(each)
	if wait := full.Sub(now) - time.Duration(max(burst, 1))*each; wait > 0 {
		return wait, false
	}
	b.full = full
	return 0, true
}

// Limiter limits what each of many parties may do. Its memory is bounded: where
// there are more parties than it can remember, those it has not heard of for
// longest start afresh.
type Limiter struct {
	perSecond float64
	burst     int
	now       func() time.Time
	buckets   *recent[string, *bucket]
}

// limitedParties bounds a Limiter, at about 100 bytes each and two generations.
const limitedParties = 1 << 16

// NewLimiter returns a limiter of so many events a second, and so many at once,
// for each party. A rate of 0 allows everything.
func NewLimiter(perSecond float64, burst int, now func() time.Time) *Limiter {
	return &Limiter{perSecond, burst, now, newRecent[string, *bucket](limitedParties)}
}

// Take reports whether party may do one more thing now, else how long to wait.
func (l *Limiter) Take(party string) (wait time.Duration, ok bool) {
	if l.perSecond <= 0 {
		return 0, true
	}
	b := l.buckets.getOr(party, func() *bucket { return new(bucket) })
	return b.take(l.now(), l.perSecond, l.burst)
}
