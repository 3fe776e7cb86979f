package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/tile"
)

const (
	tileClients = 16
	tileTurn    = time.Second
	tileRounds  = 3
)

// measureTiles compares our server with Go's file server over the folder of a log
// that Tessera's POSIX driver made: GETs of full tiles of hashes a second, by the
// same client, turn by turn. The best turn counts for both.
func measureTiles(ctx context.Context, s *server) error {
	c, err := api.New(s.url, api.Options{})
	if err != nil {
		return err
	}
	signed, err := c.Checkpoint(ctx)
	if err != nil {
		return err
	}
	cp, err := checkpoint.ParseSigned(signed)
	if err != nil {
		return err
	}
	tiles := cp.Size / tile.Width
	if tiles == 0 {
		return fmt.Errorf("the log has only %d entries, no full tile", cp.Size)
	}
	files, err := serveFiles(ctx, filepath.Join(s.dir, "posix"), tiles)
	if err != nil {
		return err
	}
	defer files.stop()
	var ours, theirs float64
	for range tileRounds {
		for url, best := range map[string]*float64{s.url: &ours, files.url: &theirs} {
			rate, err := getTiles(url, tiles)
			if err != nil {
				return err
			}
			*best = max(*best, rate)
		}
	}
	metric("tile_reads_per_s", ours, "tiles/s")
	metric("tile_reads_vs_posix", ours/theirs, "times")
	return nil
}

// getTiles gets full tiles one after the other with several clients, and returns
// how many came a second.
func getTiles(url string, tiles uint64) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: tileClients, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var (
		count  atomic.Uint64
		failed atomic.Pointer[error]
		all    sync.WaitGroup
	)
	began := time.Now()
	for range tileClients {
		all.Go(func() {
			for time.Since(began) < tileTurn && failed.Load() == nil {
				n := count.Add(1) % tiles
				if err := getTile(client, url+"/"+tile.Coord{Index: n, Width: tile.Width}.Path()); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(count.Load()) / time.Since(began).Seconds(), nil
}

func getTile(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || n != tile.Width*tile.HashSize) {
		err = fmt.Errorf("%s: status %d and %d bytes", url, resp.StatusCode, n)
	}
	return err
}

// serveFiles makes a log of that many full tiles and serves its folder from a
// process of its own: this program, run with -files.
func serveFiles(ctx context.Context, dir string, tiles uint64) (*server, error) {
	if err := growPOSIX(ctx, dir, tiles*tile.Width); err != nil {
		return nil, fmt.Errorf("make a log of files: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, process: exec.Command(program, "-files", dir)}
	s.process.Stderr = os.Stderr
	out, err := s.process.StdoutPipe()
	if err == nil {
		err = s.process.Start()
	}
	if err == nil {
		_, err = fmt.Fscanln(out, &s.url)
	}
	return s, err
}

// runFileServer is what the other process does.
func runFileServer(dir string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, http.FileServer(http.Dir(dir)))
}

// growPOSIX makes a log with Tessera's POSIX driver.
func growPOSIX(ctx context.Context, dir string, size uint64) error {
	ctx, cancel := context.WithCancel(ctx) // ends the driver's own work
	defer cancel()
	skey, _, err := note.GenerateKey(nil, "log.example/files")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithCheckpointInterval(time.Second).WithBatching(4096, 10*time.Millisecond))
	if err != nil {
		return err
	}
	const entryBytes = 350 // about what a receipt's entry has
	for batch := range slices.Chunk(make([]struct{}, size), 4096) {
		var futures []tessera.IndexFuture
		for range batch {
			data := make([]byte, entryBytes)
			copy(data, fmt.Append(nil, size, len(futures), time.Now().UnixNano()))
			futures = append(futures, appender.Add(ctx, tessera.NewEntry(data)))
		}
		for _, f := range futures {
			if _, err := f(); err != nil {
				return err
			}
		}
	}
	return shutdown(ctx)
}
