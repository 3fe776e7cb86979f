package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
)

// killInTheMiddle submits most of the rest side by side and kills the server
// while they are at it.
func (s *stage) killInTheMiddle() error {
	s.next("The server is killed (SIGKILL) in the middle of submitting")
	before, err := s.checkpoint()
	if err != nil {
		return err
	}
	rest := s.receipts[singles+batch:]
	acked, lost, err := s.submitUntilKilled(rest)
	if err != nil {
		return err
	}
	say("%d submitters side by side; killed after %d acknowledgements, %d receipts got no answer", submitters, acked, lost)
	if err := s.serve(s.log.address); err != nil {
		return err
	}
	say("started again: process %d, same folder", s.log.process.Process.Pid)
	after, err := s.checkpoint()
	if err != nil {
		return err
	}
	if err := s.consistent(before, after); err != nil {
		return err
	}
	say("checkpoint of %d entries before, %d after: the new tree contains the old one (consistency proof)", before.Size, after.Size)
	return nil
}

// submitUntilKilled returns how many receipts were acknowledged, and how many
// were sent and got no answer.
func (s *stage) submitUntilKilled(rest []*item) (acked, lost int, err error) {
	var done, failed atomic.Int32
	var kill sync.Once
	queue := make(chan *item)
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var wg sync.WaitGroup
	client := s.log.client
	for range submitters {
		wg.Go(func() {
			for r := range queue {
				result, err := client.Submit(ctx, r.data)
				if err != nil {
					failed.Add(1)
					continue
				}
				r.acked, r.index = true, result.Index
				if done.Add(1) >= killAfter {
					kill.Do(func() { s.log.kill(); cancel() })
				}
			}
		})
	}
	for _, r := range rest {
		if ctx.Err() != nil {
			break
		}
		queue <- r
	}
	close(queue)
	wg.Wait()
	if s.ctx.Err() != nil {
		return 0, 0, context.Cause(s.ctx)
	}
	if s.log.process != nil {
		return 0, 0, fmt.Errorf("only %d of %d receipts were acknowledged", done.Load(), len(rest))
	}
	return int(done.Load()), int(failed.Load()), nil
}

// consistent holds that the tree of after contains that of before.
func (s *stage) consistent(before, after checkpoint.Checkpoint) error {
	hashes, err := proof.Consistency(s.ctx, s.log.client.Tile, before.Size, after.Size)
	if err != nil {
		return err
	}
	return proof.VerifyConsistency(before.Size, after.Size, before.Root, after.Root, hashes)
}
