package access

import (
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/access"
)

// useEvery is how often at most a key's use is written: one small row a minute
// and key, without a sync.
const useEvery = time.Minute

// LimitError refuses a caller who asks for too much. It is a *verdict.Error
// below.
type LimitError struct {
	Coded *verdict.Error
	Wait  time.Duration // until asking again helps, in whole seconds, at least one
}

// Error implements error.
func (e *LimitError) Error() string { return e.Coded.Error() }

// Unwrap gives the error its code.
func (e *LimitError) Unwrap() error { return e.Coded }

// meter measures what one key asks for. It outlives changes of the key.
type meter struct {
	mu      sync.Mutex
	tokens  float64   // requests that may be made at once
	filled  time.Time // when tokens was right
	use     access.Use
	written time.Time // when use was written
	dirty   bool
}

// request takes one request of rate a second. Twice as many may come at once.
func (m *meter) request(now time.Time, rate int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	most := float64(2 * rate)
	if m.filled.IsZero() {
		m.tokens = most
	} else if passed := now.Sub(m.filled); passed > 0 {
		m.tokens = min(most, m.tokens+passed.Seconds()*float64(rate))
	}
	m.filled = now
	if m.tokens < 1 {
		return &LimitError{verdict.Errorf(api.CodeRateLimited, "", "this key may make %d requests a second", rate),
			wholeSeconds(time.Duration((1 - m.tokens) / float64(rate) * float64(time.Second)))}
	}
	m.tokens--
	m.use.Unix, m.dirty = now.Unix(), true
	return nil
}

// take counts a receipt against what the key may submit in a day.
func (m *meter) take(now time.Time, quota int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	const day = 24 * 60 * 60
	if today := now.Unix() / day; today != m.use.Day {
		m.use.Day, m.use.Receipts = today, 0
	}
	if m.use.Receipts >= int64(quota) {
		return &LimitError{verdict.Errorf(api.CodeQuotaExceeded, "", "this key may submit %d receipts a day, and has; the next day begins at midnight UTC", quota),
			time.Duration(day-now.Unix()%day) * time.Second}
	}
	m.use.Receipts++
	m.dirty = true
	return nil
}

// giveBack undoes a take whose receipt was not taken in.
func (m *meter) giveBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.use.Receipts = max(m.use.Receipts-1, 0)
}

// due returns the use that is to be written now, if so.
func (m *meter) due(now time.Time, every time.Duration) (access.Use, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirty || now.Sub(m.written) < every {
		return access.Use{}, false
	}
	m.written, m.dirty = now, false
	return m.use, true
}

// lastUsed is when the key was last used; the zero time if never.
func (m *meter) lastUsed() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.use.Unix == 0 {
		return time.Time{}
	}
	return time.Unix(m.use.Unix, 0).UTC()
}

func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
