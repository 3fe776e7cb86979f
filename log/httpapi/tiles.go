package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// SPEC tlog-tiles: the checkpoint is mutable, so its headers should
	// prevent caching beyond a few seconds.
	cacheBriefly = "public, max-age=1, must-revalidate"
	// SPEC tlog-tiles: tiles and entries are immutable, so their headers
	// should be long-lived.
	cacheForever = "public, max-age=31536000, immutable"
)

// serveCheckpoint answers GET /checkpoint.
func (h *Handler) serveCheckpoint(w http.ResponseWriter, r *http.Request, _ string) error {
	p := h.log.Published()
	if p == nil {
		return verdict.Errorf(verdict.NotLogged, "", "no checkpoint has been published yet")
	}
	sum := sha256.Sum256(p.Signed)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", cacheBriefly)
	serveBytes(w, r, http.StatusOK, quoteTag(hex.EncodeToString(sum[:16])), p.Signed)
	return nil
}

// serveTile answers GET /tile/..., hashes and entries.
func (h *Handler) serveTile(w http.ResponseWriter, r *http.Request, path string) error {
	coord, err := tile.ParsePath(path)
	if err != nil {
		return err
	}
	// An immutable resource needs no look at its bytes for its tag; the log's
	// key tells it from that of another log at the same address.
	tag := fmt.Sprintf("%s-%d-%d-%d", h.tag, coord.Level, coord.Index, coord.Width)
	data, err := h.log.Tile(r.Context(), coord)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if coord.Level == tile.Entries {
		if data, tag, err = encode(w, r, data, tag); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", cacheForever)
	serveBytes(w, r, http.StatusOK, quoteTag(tag), data)
	return nil
}

// encode gzips data where the client asked for it. Entries are JSON and shrink
// by half; hashes are random and do not.
func encode(w http.ResponseWriter, r *http.Request, data []byte, tag string) ([]byte, string, error) {
	w.Header().Set("Vary", "Accept-Encoding")
	switch chooseCoding(r.Header.Values("Accept-Encoding")) {
	case codingNone:
		return nil, "", verdict.Errorf(codeNotAcceptable, "", "entries are served plain or gzipped")
	case codingGzip:
		w.Header().Set("Content-Encoding", "gzip")
		return compress(data), tag + "-gzip", nil
	}
	return data, tag, nil
}

var gzipWriters = sync.Pool{New: func() any {
	// The fastest level: bundles are cached downstream, CPU is not.
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails only on a bad level
	return w
}}

func compress(data []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(data)/2 + 64)
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(&out)
	z.Write(data) // a bytes.Buffer takes everything
	z.Close()
	return out.Bytes()
}

func quoteTag(tag string) string { return `"` + tag + `"` }

// serveBytes answers with data and its entity tag, or with 304 where the client
// has it. Content type and caching are set already.
func serveBytes(w http.ResponseWriter, r *http.Request, status int, tag string, data []byte) {
	w.Header().Set("ETag", tag)
	if matchesTag(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(data)
	}
}
