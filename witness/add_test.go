package witness

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/armalo/receiptlog/client/checkpoint"
	"golang.org/x/mod/sumdb/note"
)

// TestCosignaturesVerifyElsewhere lets torchwood judge the lines of each size.
func TestCosignaturesVerifyElsewhere(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	last := uint64(0)
	for _, size := range []uint64{0, 0, 1, 1, 2, 3, 255, 256, 257, 1000} {
		w.pass(time.Second)
		lines := w.add(l.request(last, size))
		if n := bytes.Count(lines, []byte("\n")); n != 2 {
			t.Fatalf("size %d: %d lines, want one of each key", size, n)
		}
		for _, vkey := range w.Keys().VKeys() {
			v, err := torchwood.NewCosignatureVerifier(vkey)
			if err != nil {
				t.Fatal(err)
			}
			signed := append(l.signed(size), lines...)
			if _, _, err := torchwood.VerifyCheckpoint(signed, torchwood.ThresholdPolicy(2,
				torchwood.OriginPolicy(l.origin), torchwood.SingleVerifierPolicy(v))); err != nil {
				t.Errorf("size %d: torchwood refuses the line of %.40s: %v", size, vkey, err)
			}
		}
		last = size
	}
}

func TestAddCheckpointRefuses(t *testing.T) {
	l := newLog(t, "log.example/a")
	stranger := newLog(t, "log.example/stranger")
	impostor := newLog(t, "log.example/a")
	impostor.grow(20)
	fork := l.fork()
	fork.grow(20)
	w := newWitness(t, Options{}, l)
	w.add(l.request(0, 7))
	l.grow(20)

	edit := func(request []byte, old, new string) []byte {
		if !strings.Contains(string(request), old) {
			t.Fatalf("request has no %q to edit", old)
		}
		return []byte(strings.Replace(string(request), old, new, 1))
	}
	good := l.request(7, 12)
	hash := strings.SplitAfter(string(good), "\n")[1]
	forged := bytes.Replace(l.signed(12), l.body(12), fork.body(12), 1)
	both := append(l.signed(12), bytes.SplitAfter(impostor.signed(12), []byte("\n\n"))[1]...)

	for _, c := range []struct {
		name    string
		request []byte
		reason  Reason
	}{
		{"empty", nil, Malformed},
		{"no old line", edit(good, "old 7\n", ""), Malformed},
		{"old with plus", edit(good, "old 7\n", "old +7\n"), Malformed},
		{"old with zero", edit(good, "old 7\n", "old 07\n"), Malformed},
		{"old negative", edit(good, "old 7\n", "old -7\n"), Malformed},
		{"old with two spaces", edit(good, "old 7\n", "old  7\n"), Malformed},
		{"old with carriage return", edit(good, "old 7\n", "old 7\r\n"), Malformed},
		{"old beyond 64 bits", edit(good, "old 7\n", "old 18446744073709551623\n"), Malformed},
		{"short hash", edit(good, hash, hash[4:]), Malformed},
		{"hash in other alphabet", edit(good, hash, strings.NewReplacer("+", "-", "/", "_").Replace("+/"+hash[2:])), Malformed},
		{"63 lines of proof", fmt.Appendf(nil, "old 7\n%s\n%s", strings.Repeat(hash, 63), l.signed(12)), Inconsistent},
		{"64 lines of proof", fmt.Appendf(nil, "old 7\n%s\n%s", strings.Repeat(hash, 64), l.signed(12)), Malformed},
		{"no checkpoint", good[:bytes.Index(good, []byte("\n\n"))+2], Malformed},
		{"no signature", edit(good, "\n\n— ", "\n— "), Malformed},
		{"size with zero", edit(good, "\n12\n", "\n012\n"), Malformed},
		{"empty extension line", edit(good, "\n\n— ", "\n\nextension\n\n— "), Malformed},
		{"extension line with a control character", edit(good, "\n\n— ", "\nextens\tion\n\n— "), Malformed},
		{"last newline missing", good[:len(good)-1], Malformed},
		{"too long", append(good, bytes.Repeat([]byte("x"), MaxRequestBytes)...), Malformed},

		{"unknown origin", stranger.request(0, 3), UnknownLog},

		{"another key of that name", impostor.request(7, 12), Untrusted},
		{"extension line that the log did not sign", edit(good, "\n\n— ", "\nextension\n\n— "), Untrusted},
		{"signature of another body", fmt.Appendf(nil, "old 7\n%s\n%s", fork.proof(7, 12), forged), Untrusted},
		{"one good and one bad signature", append(l.request(7, 12), lastLine(forgeLine(l.signed(11), l.signed(12)))...), Untrusted},

		{"old beyond size", fmt.Appendf(nil, "old 13\n\n%s", l.signed(12)), Malformed},

		{"old too small", l.request(6, 12), Conflict},
		{"old zero", l.request(0, 12), Conflict},
		{"old too large", l.request(8, 12), Conflict},
		{"shrunk tree", l.request(5, 6), Conflict},
		{"replayed old checkpoint", l.request(0, 7), Conflict},

		{"bad proof", edit(good, hash, strings.Repeat("A", 43)+"=\n"), Inconsistent},
		{"proof too short", edit(good, hash, ""), Inconsistent},
		{"proof too long", edit(good, hash, hash+hash), Inconsistent},
		{"fork of the same size", fmt.Appendf(nil, "old 7\n\n%s", fork.signed(7)), Inconsistent},
		{"fork that has grown", fork.request(7, 12), Inconsistent},
		{"proof for the same size", fmt.Appendf(nil, "old 7\n%s\n%s", hash, l.signed(7)), Inconsistent},
	} {
		t.Run(c.name, func(t *testing.T) {
			no := w.refused(c.request)
			if no.Reason != c.reason {
				t.Errorf("got reason %d (%s), want %d", no.Reason, no.Detail, c.reason)
			}
			if no.Reason == Conflict && no.Size != 7 {
				t.Errorf("conflict names size %d, want 7", no.Size)
			}
		})
	}
	// A signature by an unknown key beside a good one is ignored, and none of the
	// above has changed the state.
	w.add(fmt.Appendf(nil, "old 7\n%s\n%s", l.proof(7, 12), both))
}

// forgeLine returns signed with the signature of other.
func forgeLine(other, signed []byte) []byte {
	body, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return append(append(body, "\n\n"...), lastLine(other)...)
}

func lastLine(b []byte) []byte {
	return b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]
}

func TestAddCheckpointOfSizeZero(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)

	skey, vkey, err := note.GenerateKey(nil, l.origin) // one that signs anything
	if err != nil {
		t.Fatal(err)
	}
	careless, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddLog(Log{Keys: []string{vkey}}); err != nil {
		t.Fatal(err)
	}
	wrong, err := note.Sign(&note.Note{Text: l.origin + "\n0\n" + strings.Repeat("A", 43) + "=\n"}, careless)
	if err != nil {
		t.Fatal(err)
	}
	if no := w.refused(append([]byte("old 0\n\n"), wrong...)); no.Reason != Inconsistent {
		t.Errorf("wrong root of the empty tree: got reason %d, want %d", no.Reason, Inconsistent)
	}
	one := l.grow(4).proof(1, 4)
	if no := w.refused(fmt.Appendf(nil, "old 0\n%s\n%s", one, l.signed(4))); no.Reason != Inconsistent {
		t.Errorf("proof from size 0: got reason %d, want %d", no.Reason, Inconsistent)
	}
	if _, err := w.Latest(HashOrigin(l.origin)); err == nil {
		t.Error("a checkpoint is served that was never cosigned")
	}
	w.add(l.request(0, 0))
	w.add(l.request(0, 4))
}

// TestSeveralLogKeys covers a log that signs with two algorithms, and a rotation.
func TestSeveralLogKeys(t *testing.T) {
	l := newLog(t, "log.example/a")
	skey, vkey, err := checkpoint.GenerateMLDSA44(l.origin)
	if err != nil {
		t.Fatal(err)
	}
	second := signer(t, skey)
	w := newWitness(t, Options{}, l)
	if c, err := w.AddLog(Log{Keys: []string{vkey}}); err != nil || c != Updated {
		t.Fatalf("add second key: %v, %v", c, err)
	}
	w.add(append([]byte("old 0\n\n"), sign(t, l.grow(3).body(3), l.signer, second)...))
	signed, err := w.Latest(HashOrigin(l.origin))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(signed, []byte("— ")); n != 4 {
		t.Errorf("%d signatures are served, want two of the log and two of the witness", n)
	}
	w.pass(time.Second)
	w.add(append([]byte("old 3\n\n"), sign(t, l.body(3), second)...))
	bad := append([]byte("old 3\n\n"), sign(t, l.body(3), second)...)
	bad = append(bad, lastLine(l.grow(4).signed(4))...)
	if no := w.refused(bad); no.Reason != Untrusted {
		t.Errorf("one key's line does not verify: got reason %d, want %d", no.Reason, Untrusted)
	}
}

func TestLatestIsWhatWasReturned(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	for _, step := range [][2]uint64{{0, 1}, {1, 5}, {5, 5}} {
		w.pass(time.Minute)
		lines := w.add(l.request(step[0], step[1]))
		signed, err := w.Latest(HashOrigin(l.origin))
		if err != nil {
			t.Fatal(err)
		}
		if want := append(l.signed(step[1]), lines...); !bytes.Equal(signed, want) {
			t.Errorf("served:\n%s\nwant:\n%s", signed, want)
		}
	}
}

// TestRepeatInOneSecond: who replays a public checkpoint gets the same lines and
// costs no signature; a second later they are fresh.
func TestRepeatInOneSecond(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{PerLogPerSecond: 1, PerLogBurst: 1}, l)
	first := w.add(l.request(0, 5))
	for range 50 {
		if again := w.add(l.request(5, 5)); !bytes.Equal(again, first) {
			t.Fatal("the same second gave another answer")
		}
	}
	w.pass(time.Second)
	if again := w.add(l.request(5, 5)); bytes.Equal(again, first) {
		t.Error("a second later the answer is not fresh")
	}
	w.SetKeys(testKeys(t, w.Now))
	w.pass(time.Second)
	if again := w.add(l.request(5, 5)); bytes.Equal(again, first) {
		t.Error("other keys gave the same answer")
	}
}

func TestPerLogLimit(t *testing.T) {
	l, other := newLog(t, "log.example/a"), newLog(t, "log.example/b")
	w := newWitness(t, Options{PerLogPerSecond: 1, PerLogBurst: 3}, l, other)
	for n := range uint64(3) {
		w.add(l.request(n, n+1))
	}
	no := w.refused(l.request(3, 4))
	if no.Reason != TooMany || no.RetryAfter <= 0 || no.RetryAfter > time.Second {
		t.Fatalf("got reason %d, retry after %v", no.Reason, no.RetryAfter)
	}
	w.add(other.request(0, 1)) // another log is another matter
	w.pass(no.RetryAfter)
	w.add(l.request(3, 4))

	if _, err := w.AddLog(Log{Keys: []string{l.vkey}, PerDay: 24}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	for n := range uint64(3) {
		w.add(l.request(4+n, 5+n))
	}
	if no := w.refused(l.request(7, 8)); no.Reason != TooMany || no.RetryAfter < 50*time.Minute {
		t.Errorf("24 a day were agreed: got reason %d, retry after %v", no.Reason, no.RetryAfter)
	}
	w.pass(time.Hour)
	w.add(l.request(7, 8))
}

// TestKeyRotation: with an overlap, whoever trusts either key is served.
func TestKeyRotation(t *testing.T) {
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	old, oldVKey, err := checkpoint.GenerateMLDSA44("witness.example/old")
	if err != nil {
		t.Fatal(err)
	}
	young, youngVKey, err := checkpoint.GenerateMLDSA44("witness.example/new")
	if err != nil {
		t.Fatal(err)
	}
	for i, phase := range []struct{ skeys, vkeys []string }{
		{[]string{old}, []string{oldVKey}},
		{[]string{old, young}, []string{oldVKey, youngVKey}},
		{[]string{young}, []string{youngVKey}},
	} {
		w.SetKeys(mustKeys(t, w.Now, phase.skeys...))
		n := uint64(i)
		lines := w.add(l.request(n, n+1))
		parsed, err := checkpoint.ParseNote(append(l.signed(n+1), lines...))
		if err != nil {
			t.Fatal(err)
		}
		for _, vkey := range phase.vkeys {
			v, err := checkpoint.NewVerifier(vkey)
			if err != nil {
				t.Fatal(err)
			}
			if sigs, err := parsed.Verify(v); err != nil || len(sigs) != 1 {
				t.Errorf("phase %d: %d signatures of %s, %v", i, len(sigs), v.Name(), err)
			}
		}
		if len(parsed.Signatures) != 1+len(phase.skeys) {
			t.Errorf("phase %d: %d signatures", i, len(parsed.Signatures))
		}
	}
}

func TestNewKeysRefuses(t *testing.T) {
	a, _, _ := checkpoint.GenerateCosignatureEd25519("w")
	logKey, _, _ := checkpoint.GenerateEd25519("w")
	for name, skeys := range map[string][]string{
		"none":         {},
		"a log's key":  {logKey},
		"the same one": {a, a},
		"garbage":      {"PRIVATE+KEY+w+00000000+AAAA"},
	} {
		if _, err := NewKeys(skeys, time.Now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
