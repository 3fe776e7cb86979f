package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/armalo/receiptlog/client/tile"
)

// Checkpoint returns the log's latest published checkpoint, a signed note,
// unverified.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	got, err := c.do(ctx, request{method: http.MethodGet, path: RouteCheckpoint, limit: maxCheckpointBytes})
	if err != nil {
		return nil, fmt.Errorf("get checkpoint: %w", err)
	}
	return got.body, nil
}

// Tile returns at least width hashes, of 32 bytes each, of the tile at level
// and index. Its signature is that of proof.TileReader.
func (c *Client) Tile(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error) {
	body, err := c.tile(ctx, tile.Coord{Level: int8(level), Index: index, Width: width}, maxTileBytes)
	if err != nil {
		return nil, fmt.Errorf("get tile: %w", err)
	}
	if len(body) < int(width)*32 || len(body)%32 != 0 {
		return nil, fmt.Errorf("get tile: %d bytes for %d hashes", len(body), width)
	}
	return body, nil
}

// Entries returns the entry bundle at index with at least width entries, to be
// split with tile.SplitEntries.
func (c *Client) Entries(ctx context.Context, index uint64, width uint16) ([]byte, error) {
	body, err := c.tile(ctx, tile.Coord{Level: -1, Index: index, Width: width}, maxEntriesBytes)
	if err != nil {
		return nil, fmt.Errorf("get entries: %w", err)
	}
	return body, nil
}

func (c *Client) tile(ctx context.Context, at tile.Coord, limit int64) ([]byte, error) {
	got, err := c.do(ctx, request{method: http.MethodGet, path: "/" + at.Path(), limit: limit})
	p, refused := errors.AsType[*Problem](err)
	if refused && p.Status == http.StatusNotFound && at.Width < tile.Width {
		// SPEC tlog-tiles: a log may delete partial tiles once the full one
		// exists, and clients must then fetch the full one.
		at.Width = tile.Width
		got, err = c.do(ctx, request{method: http.MethodGet, path: "/" + at.Path(), limit: limit})
	}
	if err != nil {
		return nil, err
	}
	return got.body, nil
}
