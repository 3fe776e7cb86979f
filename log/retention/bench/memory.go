package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// peakEvery is how often the peak of a program is read: it only grows, so what is
// missed is what it took in the last moment.
const peakEvery = 5 * time.Millisecond

// status returns a line of a process's status, in MB, or 0 where it has none or
// the process is gone.
func status(pid, line string) float64 {
	data, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	for row := range bytes.Lines(data) {
		if fields := bytes.Fields(row); len(fields) >= 2 && string(fields[0]) == line+":" {
			kb, _ := strconv.ParseFloat(string(fields[1]), 64)
			return kb / 1024
		}
	}
	return 0
}

// runPeak runs a program and returns the most memory that it had, in MB. What
// wait4 says of it is no use: there a child starts with the peak of its parent.
func runPeak(cmd *exec.Cmd) (peak float64, err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	pid := strconv.Itoa(cmd.Process.Pid)
	for {
		select {
		case err := <-ended:
			if err != nil {
				err = fmt.Errorf("%v: %s", err, out.Bytes())
			}
			return peak, err
		case <-time.After(peakEvery):
			peak = max(peak, status(pid, "VmHWM"))
		}
	}
}

// ownPeak begins to watch the memory of this process, and returns what says how
// much more it had since at the most, in MB.
func ownPeak() func() float64 {
	before := status("self", "VmRSS")
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // without, the peak is that of all time
	return func() float64 { return max(0, status("self", "VmHWM")-before) }
}
