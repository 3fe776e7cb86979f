package driver

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// A year of checkpoints is thinned by the rule, in one step or day by day, and the
// published one stays.
func TestKeptCheckpointsAreThinned(t *testing.T) {
	db, err := kv.Open(t.TempDir(), kv.Options{Create: true, Origin: "log.example/thin"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)
	reader, err := OpenReader(db)
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	size := uint64(0)
	add := func(from, to, every time.Duration) {
		for age := from; age > to; age -= every {
			b.Set(kv.PublishedKey(size, now.Add(-age).UnixNano()), []byte("x"))
			size++
		}
	}
	add(200*24*time.Hour, 90*24*time.Hour, 6*time.Hour)  // of 110 days, 4 a day
	add(90*24*time.Hour, 24*time.Hour, 20*time.Minute)   // of 89 days, 3 an hour
	add(24*time.Hour, time.Hour, 15*time.Second)         // of 23 hours, 4 a minute
	add(time.Hour-time.Second, time.Minute, time.Second) // of most of an hour, each second
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	reader.published.Store(newPublication(treeState{size: size}, now, []byte("x")))
	p := &publisher{db: db, reader: reader, opts: Options{Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)}}
	for range 2 { // the second time nothing is left to do
		if err := p.thin(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := make([]int, len(thinning))
		lower, upper := kv.PublishedBounds(0, 0)
		if err := db.Scan(lower, upper, func(key, _ []byte) error {
			_, nanos := kv.PublishedAt(key)
			for i, rule := range thinning {
				if now.Sub(time.Unix(0, nanos)) < rule.younger {
					got[i]++
					break
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := []int{3539, 23 * 60, 89 * 24, 110}
		for i := range want {
			if d := got[i] - want[i]; d < -1 || d > 1 { // spans that begin in the middle
				t.Errorf("of rule %d %d are kept, want about %d", i, got[i], want[i])
			}
		}
	}
}
