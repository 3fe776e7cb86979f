package audit

import (
	"context"
	"sync"
)

// inOrder calls produce for 0 to n-1, on so many workers, and consume for each
// result, in order, on the caller's goroutine. Workers are at most a few results
// ahead of consume, which bounds memory. The first error of either ends it all
// and is returned, once all workers have stopped.
func inOrder[T any](ctx context.Context, workers int, n uint64, produce func(ctx context.Context, i uint64) (T, error), consume func(i uint64, result T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type slot struct {
		value T
		err   error
	}
	var (
		running sync.WaitGroup
		tasks   = make(chan func())
		order   = make(chan chan slot, 2*workers)
	)
	defer running.Wait()
	for range workers {
		running.Go(func() {
			for task := range tasks {
				task()
			}
		})
	}
	running.Go(func() {
		defer close(tasks)
		defer close(order)
		for i := range n {
			done := make(chan slot, 1)
			select {
			case order <- done:
			case <-ctx.Done():
				return
			}
			select {
			case tasks <- func() {
				value, err := produce(ctx, i)
				done <- slot{value, err}
			}:
			case <-ctx.Done():
				return
			}
		}
	})
	for i := range n {
		done, open := <-order
		if !open {
			return context.Cause(ctx)
		}
		var s slot
		select {
		case s = <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if s.err == nil {
			s.err = consume(i, s.value)
		}
		if s.err != nil {
			cancel(s.err)
			return s.err
		}
	}
	return nil
}
