package cosign

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// Errors that a witness's answer may mean.
var (
	// ErrInconsistent: the witness says that the tree does not extend the one it
	// cosigned. Either the witness is wrong or this log has forked.
	ErrInconsistent = errors.New("it says that our tree is not a continuation of the one it cosigned")

	// ErrAhead: the witness says that it cosigned a larger tree than ours. Either
	// the witness is wrong or this log was rolled back.
	ErrAhead = errors.New("it says that it has cosigned a larger tree of this log")
)

// cosign asks the witness, and once more if it knows another size than we
// remembered. It returns verified lines and the names whose keys signed them.
func (p *peer) cosign(ctx context.Context, r *round) (lines []byte, names []string, err error) {
	old, err := p.c.o.Sizes.Size(p.url)
	if err != nil {
		return nil, nil, err
	}
	// What we remember may be of a larger tree that was never ours; ask from zero.
	if old > r.cp.Size {
		old = 0
	}
	reply, known, err := p.exchange(ctx, r, old)
	if known, ok := asKnown(known, err); ok && known != old {
		if known > r.cp.Size {
			return nil, nil, fmt.Errorf("%w: %d, ours is %d", ErrAhead, known, r.cp.Size)
		}
		reply, _, err = p.exchange(ctx, r, known)
	}
	if err != nil {
		return nil, nil, err
	}
	if lines, names, err = p.verify(r, reply); err != nil {
		return nil, nil, err
	}
	return lines, names, p.c.o.Sizes.SetSize(p.url, r.cp.Size)
}

// errConflict is a 409 with a size. As an error of a second request it says this:
var errConflict = errors.New("it answered twice that it knows another size")

func asKnown(known uint64, err error) (uint64, bool) { return known, errors.Is(err, errConflict) }

// exchange makes one add-checkpoint request with the given old size. On a 409 it
// returns the size that the witness knows, and errConflict.
func (p *peer) exchange(ctx context.Context, r *round, old uint64) (reply []byte, known uint64, err error) {
	body, err := request(ctx, r, old)
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(p.url, "/")+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	otel.GetTextMapPropagator().Inject(ctx, propagation.HeaderCarrier(req.Header)) // so that its operator can say why it took long
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end, or of no use
	reply, err = io.ReadAll(io.LimitReader(resp.Body, MaxReplyBytes+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read its answer: %w", err)
	}
	if len(reply) > MaxReplyBytes {
		return nil, 0, fmt.Errorf("its answer is over %d bytes", MaxReplyBytes)
	}
	known, err = judge(resp, reply)
	return reply, known, err
}

// request writes an add-checkpoint request.
func request(ctx context.Context, r *round, old uint64) ([]byte, error) {
	// SPEC tlog-witness: "old", a space, the size; proof lines; an empty line; the
	// checkpoint. From size zero the proof is empty.
	body := fmt.Appendf(nil, "old %d\n", old)
	if old > 0 {
		hashes, err := r.prover.Consistency(ctx, old)
		if err != nil {
			return nil, fmt.Errorf("prove consistency from size %d: %w", old, err)
		}
		for _, h := range hashes {
			body = append(base64.StdEncoding.AppendEncode(body, h[:]), '\n')
		}
	}
	body = append(body, '\n')
	return append(body, r.signed...), nil
}

// judge says what the status of an answer means.
func judge(resp *http.Response, reply []byte) (known uint64, err error) {
	switch resp.StatusCode {
	case http.StatusOK:
		return 0, nil
	case http.StatusConflict:
		// SPEC tlog-witness: the size, a newline, Content-Type text/x.tlog.size. An
		// older text had 409 for what is now 422 as well, without that type;
		// omniwitness still answers so.
		kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if err != nil || kind != "text/x.tlog.size" {
			return 0, fmt.Errorf("%w (409): %s", ErrInconsistent, excerpt(reply))
		}
		size, ok := strings.CutSuffix(string(reply), "\n")
		known, err := checkpoint.ParseSize(size)
		if err != nil || !ok {
			return 0, fmt.Errorf("it answered 409 with %s instead of a size", excerpt(reply))
		}
		return known, errConflict
	case http.StatusUnprocessableEntity:
		return 0, fmt.Errorf("%w (422): %s", ErrInconsistent, excerpt(reply))
	case http.StatusNotFound:
		return 0, fmt.Errorf("it does not know this log (404): %s", excerpt(reply))
	case http.StatusForbidden:
		return 0, fmt.Errorf("it does not trust the keys of this log (403): %s", excerpt(reply))
	}
	return 0, fmt.Errorf("it answered %d: %s", resp.StatusCode, excerpt(reply))
}

// excerpt quotes the beginning of what a witness said, for the operator's log.
func excerpt(reply []byte) string {
	const enough = 100
	if len(reply) > enough {
		reply = reply[:enough]
	}
	return fmt.Sprintf("%q", bytes.TrimSpace(reply))
}

// verify returns those lines of a reply that are good cosignatures by this
// witness's own keys, stamped with about our time.
func (p *peer) verify(r *round, reply []byte) (lines []byte, names []string, err error) {
	sigs, err := checkpoint.ParseSignatures(reply)
	if err != nil {
		return nil, nil, fmt.Errorf("its answer: %w", err)
	}
	// SPEC tlog-witness: "The client MUST ignore any cosignatures from unknown
	// keys." A line by a known key that does not verify spoils the answer.
	note := &checkpoint.Note{Text: r.cp.Body(), Signatures: sigs}
	good, err := note.Verify(p.keys...)
	if err != nil {
		return nil, nil, fmt.Errorf("its answer: %w", err)
	}
	seen := make(map[*checkpoint.Verifier]bool)
	for _, s := range good {
		if skew := p.c.o.Now().Sub(s.Time).Abs(); s.Time.IsZero() || skew > MaxSkew {
			return nil, nil, fmt.Errorf("its cosignature is stamped %s, which is not now", s.Time.UTC().Format("2006-01-02 15:04:05 UTC"))
		}
		if seen[s.Verifier] {
			continue
		}
		seen[s.Verifier] = true
		lines = append(lines, s.Line...)
		for i, k := range p.keys {
			if k == s.Verifier {
				names = append(names, p.names[i])
			}
		}
	}
	if lines == nil {
		return nil, nil, errors.New("no line of its answer is by a key that the policy lists for it")
	}
	return lines, names, nil
}
