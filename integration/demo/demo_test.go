package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestDemo runs the demo with programs built from this very tree, and holds
// that it leaves nothing behind.
func TestDemo(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "../../cmd/receiptlog", "../../cmd/receiptctl", "../../cmd/receiptwitness", "../../log/logtest/vandal")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if err := run(t.Context(), bin, "../..", false); err != nil {
		t.Error(err)
	}
	interrupted, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := run(interrupted, bin, "../..", false); err == nil {
		t.Error("an interrupted demo claims success")
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
