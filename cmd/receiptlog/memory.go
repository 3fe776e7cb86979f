package main

import (
	"os"
	"runtime/debug"
	"sync"
)

const (
	// gcPercent trades memory for CPU: most of what a receipt allocates is
	// garbage a moment later, and collecting it rarely costs a tenth less CPU.
	gcPercent = 400
	// memoryLimit is where the collector works harder again, so that a burst
	// of large receipts stays within a small machine.
	memoryLimit = 400 << 20
	// frugalPercent is for exports, which make garbage for minutes: they take a
	// little more CPU and half the memory.
	frugalPercent = 50
)

// frugality has the collector work harder while somebody asks for it. Its methods
// may be called concurrently.
type frugality struct {
	mu  sync.Mutex
	who int
}

// begin asks for it until the function that it returns is called, once.
func (f *frugality) begin() (end func()) {
	f.change(1)
	return func() { f.change(-1) }
}

func (f *frugality) change(by int) {
	if os.Getenv("GOGC") != "" {
		return // the operator knows better
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.who += by
	if f.who > 0 {
		debug.SetGCPercent(frugalPercent)
	} else {
		debug.SetGCPercent(gcPercent)
	}
}

// tuneMemory sets the collector for a server, unless the operator did.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
