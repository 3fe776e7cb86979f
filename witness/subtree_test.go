package witness

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/armalo/receiptlog/client/checkpoint"
	"golang.org/x/mod/sumdb/tlog"
)

// leaves is a log's leaves in the form that torchwood proves subtrees from.
type leaves map[int64]tlog.Hash

func (l leaves) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = l[index]
	}
	return hashes, nil
}

func storedLeaves(t testing.TB, l *playedLog, size int64) leaves {
	stored := make(leaves)
	for n := range size {
		hashes, err := tlog.StoredHashes(n, fmt.Appendf(nil, "%s entry %d", l.origin, n), stored)
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range hashes {
			stored[tlog.StoredHashIndex(0, n)+int64(i)] = h
		}
	}
	return stored
}

func subtreeRequest(t testing.TB, stored leaves, start, end, size int64, signed []byte) []byte {
	hash, err := torchwood.SubtreeHash(start, end, stored)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := torchwood.ProveSubtree(size, start, end, stored)
	if err != nil {
		t.Fatal(err)
	}
	lines := hash.String() + "\n"
	for _, h := range proof {
		lines += h.String() + "\n"
	}
	return fmt.Appendf(nil, "subtree %d %d\n%s\n%s", start, end, lines, signed)
}

// TestSignSubtree signs every subtree of small trees, proved by torchwood.
func TestSignSubtree(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	stored := storedLeaves(t, l, 21)
	last := uint64(0)
	for _, size := range []int64{1, 2, 7, 8, 14, 21} {
		signed := append(l.grow(uint64(size)).signed(uint64(size)), w.add(l.request(last, uint64(size)))...)
		last = uint64(size)
		signedSubtrees := 0
		for start := range size {
			for end := start + 1; end <= size; end++ {
				if !torchwood.ValidSubtree(start, end) || size > 14 && end%3 != 0 {
					continue
				}
				signedSubtrees++
				lines, err := w.SignSubtree(context.Background(), subtreeRequest(t, stored, start, end, size, signed))
				if err != nil {
					t.Fatalf("[%d, %d) of %d: %v", start, end, size, err)
				}
				checkSubtreeLine(t, w.Keys().VKeys()[1], lines, l.origin, start, end, stored)
			}
		}
		if signedSubtrees == 0 {
			t.Errorf("size %d has no subtree to sign", size)
		}
	}
}

func checkSubtreeLine(t *testing.T, vkey string, lines []byte, origin string, start, end int64, stored leaves) {
	t.Helper()
	hash, err := torchwood.SubtreeHash(start, end, stored)
	if err != nil {
		t.Fatal(err)
	}
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	sigs, err := checkpoint.ParseSignatures(lines)
	if err != nil || len(sigs) != 1 {
		t.Fatalf("%d signatures, %v, want one, by the ML-DSA-44 key", len(sigs), err)
	}
	if !stamp(sigs[0]).Equal(stamp(checkpoint.Signature{Value: make([]byte, 8)})) {
		t.Errorf("[%d, %d): the timestamp is not zero", start, end)
	}
	if !v.VerifySubtree(origin, start, end, hash, lines) {
		t.Errorf("[%d, %d): torchwood refuses the signature", start, end)
	}
}

func TestSignSubtreeRefuses(t *testing.T) {
	l, stranger := newLog(t, "log.example/a"), newLog(t, "log.example/stranger")
	w := newWitness(t, Options{}, l)
	stored := storedLeaves(t, l, 14)
	ours := w.add(l.request(0, 14))
	signed := append(l.signed(14), ours...)
	good := string(subtreeRequest(t, stored, 8, 13, 14, signed))
	hash := strings.SplitAfter(good, "\n")[1]
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	notOurs := string(l.signed(14))
	tampered := append(l.signed(14), ours...)
	if at := len(tampered) - 40; tampered[at] == 'A' {
		tampered[at] = 'B'
	} else {
		tampered[at] = 'A'
	}

	edit := func(old, new string) []byte {
		if !strings.Contains(good, old) {
			t.Fatalf("request has no %q to edit", old)
		}
		return []byte(strings.Replace(good, old, new, 1))
	}
	for _, c := range []struct {
		name    string
		request []byte
		reason  Reason
	}{
		{"empty", nil, Malformed},
		{"no range", edit("subtree 8 13\n", ""), Malformed},
		{"one number", edit("subtree 8 13\n", "subtree 8\n"), Malformed},
		{"three numbers", edit("subtree 8 13\n", "subtree 8 13 14\n"), Malformed},
		{"leading zero", edit("subtree 8 13\n", "subtree 08 13\n"), Malformed},
		{"empty subtree", edit("subtree 8 13\n", "subtree 8 8\n"), Malformed},
		{"backwards", edit("subtree 8 13\n", "subtree 13 8\n"), Malformed},
		{"not aligned", edit("subtree 8 13\n", "subtree 4 13\n"), Malformed},
		{"beyond the checkpoint", edit("subtree 8 13\n", "subtree 8 15\n"), Malformed},
		{"no hash", []byte("subtree 8 13\n\n" + string(signed)), Malformed},
		{"bad hash", edit(hash, "x\n"), Malformed},
		{"too many lines", edit(hash, strings.Repeat(hash, 65)), Malformed},
		{"no checkpoint", []byte(good[:strings.Index(good, "\n\n")+2]), Malformed},

		{"another subtree", edit(hash, zero), Inconsistent},
		{"another range", edit("subtree 8 13\n", "subtree 8 12\n"), Inconsistent},
		{"proof too long", edit(hash, hash+zero), Inconsistent},

		{"unknown log", subtreeRequest(t, storedLeaves(t, stranger, 14), 8, 13, 14, stranger.grow(14).signed(14)), UnknownLog},

		{"not cosigned", subtreeRequest(t, stored, 8, 13, 14, []byte(notOurs)), Untrusted},
		{"cosignature does not verify", subtreeRequest(t, stored, 8, 13, 14, tampered), Untrusted},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, err := w.SignSubtree(context.Background(), c.request)
			if no := refusal(t, lines, err); no.Reason != c.reason {
				t.Errorf("got reason %d (%s), want %d", no.Reason, no.Detail, c.reason)
			}
		})
	}
	if _, err := w.SignSubtree(context.Background(), []byte(good)); err != nil {
		t.Error(err)
	}
}
