package outbox_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/outbox"
)

var start = time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)

// box is an outbox with one receiver.
type box struct {
	*outbox.Box
	t   *testing.T
	db  *kv.DB
	opt outbox.Options
	to  uint32
}

func newBox(t *testing.T, opt outbox.Options) *box {
	db, err := kv.Open("db", kv.Options{Create: true, Origin: "test", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &box{t: t, db: db, opt: opt}
	b.open(0)
	if b.to, err = b.AddReceiver([]byte("note")); err != nil {
		t.Fatal(err)
	}
	return b
}

// open opens the outbox anew, as a restart does.
func (b *box) open(receivers int) {
	b.t.Helper()
	before := map[uint32]outbox.Counts{}
	if b.Box != nil {
		before = b.Counts()
	}
	var all []outbox.Receiver
	var err error
	b.Box, all, err = outbox.Open(b.db, b.opt)
	if err != nil || len(all) != receivers {
		b.t.Fatalf("%d receivers, %v", len(all), err)
	}
	for id, c := range before {
		if got := b.Counts()[id]; got != c {
			b.t.Errorf("after a restart %+v is counted, before it was %+v", got, c)
		}
	}
}

func (b *box) put(subjects ...uint64) {
	b.t.Helper()
	batch := b.db.NewBatch()
	for _, s := range subjects {
		b.Put(batch, b.to, outbox.Message{Kind: 'l', Subject: s, At: start.Add(time.Duration(s))})
	}
	if err := batch.Commit(true); err != nil {
		b.t.Fatal(err)
	}
}

func all(*outbox.Message) bool { return true }

// due returns the subjects of what is due.
func (b *box) due(now time.Time, limit int, ready func(*outbox.Message) bool) (rows []outbox.Row, subjects []uint64, next time.Time) {
	b.t.Helper()
	rows, next, err := b.Due(b.to, now, limit, ready)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rows {
		subjects = append(subjects, r.Subject)
	}
	return rows, subjects, next
}

func (b *box) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestQueue(t *testing.T) {
	b := newBox(t, outbox.Options{})
	b.put(1, 2, 3, 4)
	now := start.Add(time.Second)
	if _, got, next := b.due(now, 2, all); !slices.Equal(got, []uint64{1, 2}) || !next.Equal(now) {
		t.Errorf("due: %v, next %v", got, next)
	}
	// What is not ready holds nobody up.
	rows, got, next := b.due(now, 9, func(m *outbox.Message) bool { return m.Subject != 2 })
	if !slices.Equal(got, []uint64{1, 3, 4}) || !next.IsZero() {
		t.Errorf("due: %v, next %v", got, next)
	}
	b.must(b.Delivered(&rows[0]))
	later := now.Add(time.Minute)
	b.must(b.Postpone(&rows[1], later, strings.Repeat("ö", outbox.MaxReasonBytes)))
	b.must(b.Bury(&rows[2], now, "gone"))
	b.open(1)
	if _, got, next := b.due(now, 9, all); !slices.Equal(got, []uint64{2}) || !next.Equal(later) {
		t.Errorf("due: %v, next %v", got, next)
	}
	rows, got, _ = b.due(later, 9, all)
	if !slices.Equal(got, []uint64{2, 3}) || rows[1].Attempts != 1 || rows[1].Reason != strings.Repeat("ö", outbox.MaxReasonBytes/2) || !rows[1].At.Equal(start.Add(3)) {
		t.Errorf("due: %v, %+v", got, rows)
	}
	dead, err := b.Dead(b.to)
	if err != nil || len(dead) != 1 || dead[0].Subject != 4 || dead[0].Reason != "gone" || !dead[0].When.Equal(now) {
		t.Fatalf("dead: %+v, %v", dead, err)
	}
	b.must(b.Resend(&dead[0], now))
	b.open(1)
	if c := b.Counts()[b.to]; c != (outbox.Counts{Queued: 3}) {
		t.Errorf("counts %+v", c)
	}
}

// A queue never holds more than it may, whatever is put there, and the dead neither.
func TestBounds(t *testing.T) {
	b := newBox(t, outbox.Options{Queue: 4, Dead: 2})
	b.put(1, 2, 3, 4, 5, 6)
	b.put(7)
	if c := b.Counts()[b.to]; c != (outbox.Counts{Queued: 4, Missed: 3}) {
		t.Errorf("counts %+v", c)
	}
	if _, ok := b.Missed(b.to); ok {
		t.Error("there is no room yet to tell what was missed")
	}
	b.open(1)
	now := start.Add(time.Second)
	rows, got, _ := b.due(now, 9, all)
	if !slices.Equal(got, []uint64{1, 2, 3, 4}) {
		t.Fatalf("due: %v", got)
	}
	for i := range 3 {
		b.must(b.Bury(&rows[i], now.Add(time.Duration(i)), "gone"))
	}
	if dead, err := b.Dead(b.to); err != nil || len(dead) != 2 || dead[0].Subject != 2 {
		t.Errorf("dead: %+v, %v", dead, err)
	}
	m, ok := b.Missed(b.to)
	if !ok || m.First != 5 || m.Last != 7 || m.Count != 3 || !m.Since.Equal(start.Add(5)) {
		t.Fatalf("missed: %+v, %v", m, ok)
	}
	b.must(b.Own(b.to, outbox.Message{Kind: 'm', Subject: m.First, Until: m.Last, Count: m.Count, At: now}))
	b.open(1)
	if _, ok := b.Missed(b.to); ok {
		t.Error("told twice what was missed")
	}
	rows, got, _ = b.due(now, 9, all)
	if !slices.Equal(got, []uint64{4, 5}) || rows[1].Until != 7 || rows[1].Count != 3 {
		t.Errorf("due: %+v", rows)
	}
	b.put(8, 9)
	dead, err := b.Dead(b.to)
	b.must(err)
	if err := b.Resend(&dead[0], now); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("resent into a full queue: %v", err)
	}
}

// Receivers are apart, and one that is removed leaves nothing and never comes back.
func TestReceivers(t *testing.T) {
	b := newBox(t, outbox.Options{})
	other, err := b.AddReceiver([]byte("other"))
	b.must(err)
	b.put(1, 2)
	if _, _, err := b.Due(other, start.Add(time.Second), 9, func(*outbox.Message) bool { t.Error("another's"); return true }); err != nil {
		t.Fatal(err)
	}
	rows, _, _ := b.due(start.Add(time.Second), 9, all)
	first := b.to
	b.must(b.RemoveReceiver(first))
	b.must(b.Delivered(&rows[0])) // it was on its way
	b.must(b.Postpone(&rows[1], start, ""))
	b.put(3)
	b.to = other
	b.open(1)
	b.to = first
	if _, got, _ := b.due(start.Add(time.Hour), 9, all); len(got) != 0 {
		t.Errorf("a receiver that was removed has %v", got)
	}
	b.must(b.RemoveReceiver(other))
	b.open(0)
	if id, err := b.AddReceiver(nil); err != nil || id <= other {
		t.Errorf("number %d given again, %v", id, err)
	}
}

func TestAlarm(t *testing.T) {
	b := newBox(t, outbox.Options{})
	check := func(want time.Time) {
		t.Helper()
		if since, err := outbox.Alarm(b.db, "x"); err != nil || !since.Equal(want) {
			t.Errorf("since %v, %v; want %v", since, err, want)
		}
	}
	check(time.Time{})
	batch := b.db.NewBatch()
	outbox.Began(batch, "x", start)
	b.must(batch.Commit(true))
	check(start)
	batch = b.db.NewBatch()
	outbox.Ended(batch, "x")
	b.must(batch.Commit(true))
	check(time.Time{})
}

// Whatever stands in a row, it is read or refused.
func FuzzRow(f *testing.F) {
	f.Add([]byte("key"), []byte("value"))
	f.Add(kv.OutboxMessageKey(kv.OutboxQueued, 1, 2, 'l', 3), make([]byte, 26))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r, err := outbox.ParseRow(kv.OutboxQueued, 1, key, value)
		if err == nil && string(outbox.Marshal(&r)) != string(value) {
			t.Errorf("%x is read, and written as %x", value, outbox.Marshal(&r))
		}
	})
}
