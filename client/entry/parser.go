package entry

import "encoding/hex"

// Parser reads entries as [Parse] does, only faster where many are alike: all
// receipt entries of one issuer, key, organisation and promise end in the same
// bytes, which it checks once. It is for one goroutine; the zero Parser is ready
// for use.
type Parser struct {
	tails map[string]Receipt // what follows the commitment, to what it says
	at    string             // the time parsed last
	last  Receipt            // with that time
}

const (
	// A receipt entry begins {"at":"<20>","commitment":"<64>" and all that is of
	// one length.
	atFrom         = len(`{"at":"`)
	atTo           = atFrom + len("2026-05-12T10:00:00Z")
	commitmentFrom = atTo + len(`","commitment":"`)
	commitmentTo   = commitmentFrom + 64
	// maxTails bounds the memory of a Parser to a megabyte.
	maxTails = 2048
)

// Parse is [Parse].
func (p *Parser) Parse(data []byte) (Entry, error) {
	if r, ok := p.known(data); ok {
		return r, nil
	}
	e, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if r, ok := e.(Receipt); ok {
		if p.tails == nil || len(p.tails) >= maxTails {
			p.tails = make(map[string]Receipt)
		}
		p.tails[string(data[commitmentTo:])] = r
		p.at, p.last = string(data[atFrom:atTo]), r
	}
	return e, nil
}

// known reads a receipt entry whose tail was seen before in one that Parse
// accepted.
func (p *Parser) known(data []byte) (r Receipt, ok bool) {
	if len(data) < commitmentTo || string(data[:atFrom]) != `{"at":"` || string(data[atTo:commitmentFrom]) != `","commitment":"` {
		return r, false
	}
	r, ok = p.tails[string(data[commitmentTo:])]
	if !ok {
		return r, false
	}
	if string(data[atFrom:atTo]) != p.at {
		at, err := parseTime("entry.at", string(data[atFrom:atTo]))
		if err != nil {
			return r, false
		}
		p.at, p.last.At = string(data[atFrom:atTo]), at
	}
	r.At = p.last.At
	for _, c := range data[commitmentFrom:commitmentTo] {
		if c >= 'A' && c <= 'F' {
			return r, false
		}
	}
	_, err := hex.Decode(r.Commitment[:], data[commitmentFrom:commitmentTo])
	return r, err == nil
}
