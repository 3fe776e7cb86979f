package log

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/tile"
)

// Export says which receipts are to be exported.
type Export struct {
	Org string // by name
	// From and To bound when a receipt was logged: at or after From, before To.
	// The zero time is no bound.
	From, To time.Time
	// View says whether private receipts are in it. Others are named as absent.
	View View
}

// Exported is what an export came to.
type Exported struct{ Receipts, Absent int }

// exportGroup is how many receipts one worker makes bundles of at a time. With
// twice as many groups as workers under way, and receipts of 1 MiB, that is some
// tens of MiB.
const exportGroup = 16

// Export streams a procurement archive (package procurement): every receipt of an
// organisation in a time, under one published checkpoint, with what proves it.
// What it holds in memory does not grow with the log or the archive, save for the
// list of files and of absences. The receipts are found in the entries, of which
// all are read, and not in an index: so none is left out that the log has.
//
// The same question under the same checkpoint makes the same bytes. Each bundle
// has passed the verifier (I10). If Export fails, what was written is no archive.
//
// Errors: not_logged, for an organisation that the log does not know; ErrFailed;
// those of to and of ctx.
func (l *Log) Export(ctx context.Context, to io.Writer, x Export) (Exported, error) {
	handle, err := l.Handle(x.Org)
	if err != nil {
		return Exported{}, err
	}
	p := l.Published()
	if p == nil {
		return Exported{}, errors.New("nothing is published yet")
	}
	e := &export{log: l, at: p, Export: x, handle: handle,
		writer: procurement.NewWriter(to, x.scope()), statistics: procurement.NewStatistics(), erasures: make(map[uint64]string)}
	if err := e.run(ctx); err != nil {
		return Exported{}, fmt.Errorf("export: %w", err)
	}
	return e.done, e.finish(ctx)
}

// scope says in words what was asked for.
func (x *Export) scope() string {
	words := "organisation " + x.Org
	if !x.From.IsZero() {
		words += ", from " + entry.FormatTime(x.From)
	}
	if !x.To.IsZero() {
		words += ", until " + entry.FormatTime(x.To)
	}
	return words
}

// export is an export under way.
type export struct {
	Export
	log        *Log
	at         *Published
	handle     string
	writer     *procurement.Writer
	statistics *procurement.Statistics
	erasures   map[uint64]string // files of evidence, by entry; at most maxErasures
	done       Exported
}

// maxErasures bounds how many paths are remembered: more are written again under
// the same path, which costs a proof and no room.
const maxErasures = 1 << 14

// found is a receipt of the organisation, and then what can be shown of it.
type found struct {
	index  uint64
	data   []byte
	entry  entry.Receipt
	stored *Stored
	bundle *bundle.Bundle
	err    error // why there is no bundle
}

// group is some receipts in a row; ready is closed when their bundles are made.
type group struct {
	receipts []found
	ready    chan struct{}
}

// run writes the receipts: one goroutine reads entries, as many as there are
// processors make bundles, and this one writes them in order.
func (e *export) run(ctx context.Context) error {
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan *group), make(chan *group, 2*workers)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(work)
		defer close(order)
		return e.find(ctx, work, order)
	})
	for range workers {
		g.Go(func() error {
			for grp := range work {
				for i := range grp.receipts {
					e.make(ctx, &grp.receipts[i])
				}
				close(grp.ready)
			}
			return nil
		})
	}
	g.Go(func() error {
		for grp := range order {
			select {
			case <-grp.ready:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			for i := range grp.receipts {
				if err := e.write(ctx, &grp.receipts[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return g.Wait()
}

// find reads the entries under the checkpoint and hands on the receipts that are
// asked for, in order.
func (e *export) find(ctx context.Context, work, order chan<- *group) error {
	var parser entry.Parser
	next := &group{ready: make(chan struct{})}
	send := func() error {
		for _, to := range []chan<- *group{order, work} {
			select {
			case to <- next:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		next = &group{ready: make(chan struct{})}
		return nil
	}
	size := e.at.Size()
	for n := uint64(0); n*tile.Width < size; n++ {
		data, err := e.log.driver.ReadEntryBundle(ctx, n, uint8(tile.PartialWidth(0, n, size)%tile.Width))
		if err != nil {
			return err
		}
		entries, err := tile.SplitEntries(data)
		if err != nil {
			return fmt.Errorf("entry bundle %d: %w", n, err)
		}
		for i, data := range entries {
			parsed, err := parser.Parse(data)
			if err != nil {
				return fmt.Errorf("entry %d: %w", n*tile.Width+uint64(i), err)
			}
			r, ok := parsed.(entry.Receipt)
			if !ok || !e.wants(&r) {
				continue
			}
			next.receipts = append(next.receipts, found{index: n*tile.Width + uint64(i), data: data, entry: r})
			if len(next.receipts) == exportGroup {
				if err := send(); err != nil {
					return err
				}
			}
		}
	}
	if len(next.receipts) == 0 {
		return nil
	}
	return send()
}

// wants reports whether a receipt is asked for.
func (e *export) wants(r *entry.Receipt) bool {
	return r.Org == e.handle && !r.At.Before(e.From) && (e.To.IsZero() || r.At.Before(e.To))
}

// errNotShown is why a private receipt has no bundle.
var errNotShown = errors.New("private")

// make makes the bundle of a receipt, or finds why there is none.
func (e *export) make(ctx context.Context, f *found) {
	if f.stored, f.err = e.log.unseal(f.index, f.data, &f.entry); f.err != nil {
		return
	}
	if !e.View.Shows(f.stored.Receipt) {
		f.err = errNotShown
		return
	}
	f.bundle, f.err = e.log.reprove(ctx, e.at, f.stored)
}

// write writes a receipt, or why it is absent.
func (e *export) write(ctx context.Context, f *found) error {
	var erased *ErasedError
	absent := procurement.Absence{Index: &f.index}
	switch {
	case f.err == nil:
		e.done.Receipts++
		e.statistics.Add(f.stored.Receipt, f.entry.At)
		return e.writer.Add(f.bundle)
	case errors.As(f.err, &erased):
		absent.Why, absent.Detail = procurement.WhyErased, fmt.Sprintf("as entry %d says", erased.Erasure)
		var err error
		if absent.Evidence, err = e.evidence(ctx, erased.Erasure); err != nil {
			return err
		}
	case errors.Is(f.err, errNotShown):
		absent.Why = procurement.WhyPrivate
	case Missing(f.err):
		absent.Why, absent.Detail = procurement.WhyMissing, "the log cannot read its body"
		e.log.logger.Error("a body cannot be exported", "index", f.index, "error", f.err)
	default:
		return f.err
	}
	e.done.Absent++
	e.writer.Absent(absent)
	return nil
}

// evidence writes the proof of an erasure, where the checkpoint covers it.
func (e *export) evidence(ctx context.Context, at uint64) (path string, err error) {
	if at >= e.at.Size() {
		return "", nil // carried out while this export runs
	}
	if path, ok := e.erasures[at]; ok {
		return path, nil
	}
	proof, err := e.log.erasureUnder(ctx, e.at, at)
	if err != nil {
		return "", err
	}
	if path, err = e.writer.Erasure(proof); err == nil && len(e.erasures) < maxErasures {
		e.erasures[at] = path
	}
	return path, err
}

// finish writes what governs retention, and the statistics.
func (e *export) finish(ctx context.Context) error {
	governing := []procurement.Logged{}
	for _, at := range e.log.keeper.Governing(e.handle) {
		if at >= e.at.Size() {
			continue
		}
		data, err := e.log.entry(ctx, at)
		if err != nil {
			return err
		}
		hashes, err := e.at.prover.Inclusion(ctx, at)
		if err != nil {
			return err
		}
		governing = append(governing, procurement.Logged{Entry: data, Index: at, Hashes: hashes, Checkpoint: e.at.Signed})
	}
	if err := e.writer.Retention(governing); err != nil {
		return err
	}
	data, err := e.statistics.Marshal()
	if err == nil {
		err = e.writer.AddFile(procurement.StatisticsName, data)
	}
	if err != nil {
		return err
	}
	return e.writer.Close()
}
