package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// step is one command of the README's walk and the output shown under it.
type step struct {
	command string
	shown   []string
}

// walk reads the console blocks of the README.
func walk(t *testing.T) []step {
	t.Helper()
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	inside := false
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case line == "```console":
			inside = true
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside && isCommand:
			steps = append(steps, step{command: command})
		case inside && strings.TrimSpace(line) != "" && len(steps) > 0:
			steps[len(steps)-1].shown = append(steps[len(steps)-1].shown, line)
		}
	}
	if len(steps) < 15 {
		t.Fatalf("found %d commands in the README's walk: the reader is broken", len(steps))
	}
	return steps
}

// varying matches what differs from run to run: times, hashes, keys, run ids.
var varying = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|z6Mk[1-9A-HJ-NP-Za-km-z]+|run-[0-9a-f-]+|[0-9a-f]{40,64}|\d+ bytes`)

func masked(line string) string { return varying.ReplaceAllString(line, "·") }

// TestReadmeWalk runs every command of the README's walk, in order and in one
// shell, and holds that each prints the lines shown under it, in that order.
func TestReadmeWalk(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	steps := walk(t)
	var script strings.Builder
	script.WriteString("set -e -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n")
	for i, s := range steps {
		fmt.Fprintf(&script, "echo '== step %d'\n%s\n", i, strings.ReplaceAll(s.command, "127.0.0.1:8080", address))
	}
	shell := exec.CommandContext(background(t), "bash", "-c", script.String())
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"))
	var errs bytes.Buffer
	shell.Stderr = &errs
	out, err := shell.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs.Bytes())
	}
	printed := strings.Split(string(out)+"\n", "== step ")[1:]
	if len(printed) != len(steps) {
		t.Fatalf("%d of %d steps ran\n%s", len(printed), len(steps), out)
	}
	for i, s := range steps {
		rest := strings.Split(masked(printed[i]), "\n")
		for _, want := range s.shown {
			at := 0
			for at < len(rest) && rest[at] != masked(want) {
				at++
			}
			if at == len(rest) {
				t.Errorf("$ %s\ndoes not print %q (in its place); it printed:\n%s\n%s", s.command, want, printed[i], errs.Bytes())
				break
			}
			rest = rest[at+1:]
		}
	}
}
