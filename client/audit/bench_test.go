package audit

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/tile"
)

// bundles is a log that serves one bundle of entries for every other.
type bundles struct{ data []byte }

func (b bundles) Checkpoint(context.Context) ([]byte, error)                      { return nil, nil }
func (b bundles) Tile(context.Context, uint8, uint64, uint16) ([]byte, error)     { return nil, nil }
func (b bundles) Entries(context.Context, uint64, uint16) ([]byte, error)         { return b.data, nil }
func (b bundles) Bodies(context.Context, uint64, int, func(api.Body) error) error { return nil }

// BenchmarkFollow is the work on one bundle of entries, without the network.
func BenchmarkFollow(b *testing.B) {
	l := newLog(b)
	var log bundles
	for i := range tile.Width {
		e := entry.Receipt{Commitment: [32]byte{byte(i)}, Issuer: issuer, Key: multikey(keyOf(1)), Org: acme, At: dawn, Retain: entry.Indefinite}.Marshal()
		log.data = append(binary.BigEndian.AppendUint16(log.data, uint16(len(e))), e...)
	}
	a := l.auditor(newMemory(), nil)
	if _, err := a.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	a.follower.edge = edge{}
	n := uint64(1)
	for b.Loop() {
		leaves, err := read(b.Context(), log, n, n*tile.Width, 1<<40)
		if err == nil {
			err = a.follower.take(leaves, retention.Window{})
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tile.Width, "ns/entry")
}
