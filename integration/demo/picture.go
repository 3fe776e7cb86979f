package main

import (
	"fmt"
	"strings"

	"github.com/armalo/receiptlog/client/tile"
)

// picture draws the tiles of the tree and the checkpoint over it.
func (s *stage) picture() {
	full, rest := s.size/tile.Width, s.size%tile.Width
	fmt.Println()
	show(fmt.Sprintf(`               root, signed in the checkpoint
                      /            \
  tile/1/000   [ 1 hash ]           \
                   |                 \
  tile/0/000   [ %d hashes ]   tile/0/001.p/%d   [ %d hashes ]
                   |                 |
  entries          0 ... %d         %d ... %d
`, tile.Width, rest, rest, full*tile.Width-1, full*tile.Width, s.size-1))
	fmt.Println()
	lines := strings.Split(strings.TrimRight(string(s.signed), "\n"), "\n")
	notes := []string{"the log", "how many entries", "the root hash of the tree"}
	for i, line := range lines {
		note := ""
		switch {
		case i < len(notes):
			note = notes[i]
		case strings.HasPrefix(line, "—"):
			note = kindOf(line)
		}
		if runes := []rune(line); len(runes) > 60 {
			line = string(runes[:57]) + "..."
		}
		fmt.Println(strings.TrimRight(fmt.Sprintf("   | %-60s  %s", line, note), " "))
	}
}

// kindOf tells witnesses by their name, and the log's two signatures apart by
// their length: 64 bytes of Ed25519, 2420 of ML-DSA-44.
func kindOf(line string) string {
	switch {
	case !strings.HasPrefix(line, "— "+origin+" "):
		return "cosignature"
	case len(line) > 1000:
		return "signature: ML-DSA-44"
	}
	return "signature: Ed25519"
}
