package httpapi

import "sync"

// buffers is memory that receipts are read into and answers are made in. It
// goes from request to request, for a receipt needs some 16 KiB of it and would
// leave that to the collector.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxKeptBuffer bounds what one request leaves to the next: the rare large
// receipt must not hold on to its memory.
const maxKeptBuffer = 64 << 10

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

// giveBack ends the use of a buffer. Nothing may look at it any more.
func giveBack(b *[]byte) {
	if cap(*b) <= maxKeptBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}
