package main

import (
	"os"
	"runtime/debug"
)

const (
	// gcPercent trades memory for CPU: most of what a receipt allocates is
	// garbage a moment later, and collecting it rarely costs a tenth less CPU.
	gcPercent = 400
	// memoryLimit is where the collector works harder again, so that a burst
	// of large receipts stays within a small machine.
	memoryLimit = 400 << 20
)

// tuneMemory sets the collector for a server, unless the operator did.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
