package fault

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

func asProblem(err error) (*api.Problem, bool) { return errors.AsType[*api.Problem](err) }

// within returns a context that ends with the test or after a generous time.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestKill kills the server again and again while many clients submit, at any
// moment, that of starting included. After each kill the world compares what it
// was told with what is there.
func TestKill(t *testing.T) {
	is := newIssuer(t)
	s := newServer(t, filepath.Join(t.TempDir(), "log"), is)
	l := newLedger(t, is, s)
	ctx := within(t, time.Minute+time.Duration(*rounds)*10*time.Second)
	for round := range *rounds {
		s.Start()
		l.afterRestart(ctx, s.Client())
		running, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); l.load(running, s.Client(), round) }()
		time.Sleep(time.Duration(20+rand.IntN(500)) * time.Millisecond)
		s.Kill()
		stop()
		<-done
		if round%5 == 4 {
			s.killWhileStarting()
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	s.Start()
	l.Audit(ctx, s.Client())
	s.Stop()
	s.Fsck()
	t.Logf("%d kills, %d receipts, each in the log once, %d checkpoints, none in conflict", *rounds, len(l.slips), len(l.trees))
}

// afterRestart compares a log that was just started with what the world knows:
// what nobody had an answer for is submitted again, and so are some that had.
func (l *ledger) afterRestart(ctx context.Context, c *api.Client) {
	l.t.Helper()
	l.ProveAll(ctx, c) // before anything is appended: nothing seen is undone
	l.Resubmit(ctx, c, append(l.all(open), l.sample(50)...), true)
	l.Fetch(ctx, c, l.sample(50))
	l.ProveAll(ctx, c)
}

// killWhileStarting starts the server and kills it before it can be ready, or
// just then.
func (s *server) killWhileStarting() {
	s.t.Helper()
	s.begin()
	time.Sleep(time.Duration(rand.IntN(80)) * time.Millisecond)
	s.Kill()
}
