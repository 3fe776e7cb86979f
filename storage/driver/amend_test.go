package driver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// kept returns the kept checkpoints of a tree of that size, oldest first, by when
// they were published.
func (l *testLog) kept(t *testing.T, size uint64) (signed [][]byte) {
	t.Helper()
	lower, upper := kv.PublishedBounds(size, size+1)
	if err := l.db.Scan(lower, upper, func(_, value []byte) error {
		signed = append(signed, bytes.Clone(value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return signed
}

// adding is an amendment that adds a line, once.
func adding(line string) driver.Amendment {
	return func(signed []byte) []byte {
		if bytes.Contains(signed, []byte(line)) {
			return nil
		}
		return append(signed, line...)
	}
}

// amended waits until the last kept checkpoint of that size has a line.
func (l *testLog) amended(t *testing.T, size uint64, line string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		kept := l.kept(t, size)
		if len(kept) > 0 && bytes.HasSuffix(kept[len(kept)-1], []byte(line)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("size %d is kept as %q, without %q", size, kept, line)
		}
	}
}

// Late cosignatures are added to a checkpoint that a later one has replaced: to the
// last one of its tree, durably, and what is published stays as it is.
func TestAmendKept(t *testing.T) {
	const line = "\u2014 late AAAAAAA=\n"
	fs := storagetest.NewFaultFS(storagetest.Fault{})
	told := make(chan uint64, 1000)
	s := setup{fs: fs, create: true, opts: driver.Options{OnPublish: func(size uint64, _ []byte) { told <- size }}}
	l, err := start(s)
	if err != nil {
		t.Fatal(err)
	}
	l.add(t, 3)
	l.publish(t)
	size3, root3 := l.driver.Tree()
	l.add(t, 4)
	l.publish(t)
	_, published := l.driver.Published()
	before := l.kept(t, 3)
	for len(told) > 0 {
		<-told
	}

	l.driver.Amend(size3, root3, adding(line))
	l.amended(t, 3, line)
	l.driver.Amend(size3, root3, adding(line)) // there is nothing to add now
	l.driver.Amend(size3, root3, func([]byte) []byte { return []byte("another note\n") })
	l.driver.Amend(size3, [32]byte{1}, adding("\u2014 of-another-tree AAAAAAA=\n"))
	l.driver.Amend(5, root3, adding("\u2014 of-no-checkpoint AAAAAAA=\n"))
	const last = "\u2014 last AAAAAAA=\n" // the others are done once this is
	l.driver.Amend(size3, root3, adding(last))
	l.amended(t, 3, line+last)

	want := append(bytes.Clone(before[len(before)-1]), line+last...)
	check := func(l *testLog) error {
		kept := l.kept(t, 3)
		switch _, now := l.driver.Published(); {
		case len(kept) != len(before) || !bytes.Equal(kept[len(kept)-1], want):
			return fmt.Errorf("kept are %q, want %q last", kept, want)
		case !bytes.Equal(now, published):
			return fmt.Errorf("published is %q, was %q", now, published)
		case len(l.kept(t, 5)) != 0:
			return errors.New("a checkpoint was made up")
		}
		return nil
	}
	if err := check(l); err != nil {
		t.Error(err)
	}
	if len(told) > 0 {
		t.Errorf("OnPublish was told of size %d, and nothing was published", <-told)
	}

	// It is durable: a power cut now loses nothing of it.
	crashed := fs.Crash(0, 0)
	l.stop(t)
	s.fs, s.create = crashed, false
	again, err := start(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(again); err != nil {
		t.Errorf("after a power cut: %v", err)
	}
	again.stop(t)
}

// The publisher is busy with its witnesses: only so many amendments wait, and those
// are made.
func TestAmendmentsAreBounded(t *testing.T) {
	busy, free := make(chan struct{}), make(chan struct{})
	cosigned := 0
	l := newLog(t, setup{opts: driver.Options{Cosign: func(_ context.Context, _ uint64, _ [32]byte, signed []byte) ([]byte, error) {
		if cosigned++; cosigned == 3 {
			close(busy)
			<-free
		}
		return signed, nil
	}}})
	l.add(t, 1)
	l.publish(t)
	size, root := l.driver.Tree()
	l.add(t, 1)
	<-busy
	made := make(chan struct{}, 1000)
	for range 1000 {
		l.driver.Amend(size, root, func([]byte) []byte { made <- struct{}{}; return nil })
	}
	close(free)
	l.publish(t)
	const bound = 128
	for range bound {
		select {
		case <-made:
		case <-time.After(10 * time.Second):
			t.Fatal("amendments that waited were not made")
		}
	}
	time.Sleep(20 * time.Millisecond)
	if len(made) != 0 {
		t.Errorf("%d amendments more than %d waited", len(made), bound)
	}
}
