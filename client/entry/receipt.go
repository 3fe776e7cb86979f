package entry

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// maxDIDBytes bounds a DID: host names end at 253 bytes, and paths of a
	// few hundred are the longest anybody publishes.
	maxDIDBytes = 1024
	// maxKeyBytes bounds a multikey: Ed25519 has 48 characters; larger kinds
	// of keys would need a new kind of proof first.
	maxKeyBytes = 128
	// orgBytes is the length of an organisation's random handle.
	orgBytes = 16
)

// Receipt is the entry that commits to one receipt.
type Receipt struct {
	Commitment [32]byte  // see [Commit]
	Issuer     string    // the DID that issued the receipt
	Key        string    // the public key that signed it, as a multikey
	Org        string    // the organisation's handle: 32 hex digits
	At         time.Time // when the log took it in, by the log's clock, in whole seconds UTC
	Retain     string    // until when the body is owed: [Indefinite] or a time as At
}

// Kind returns [KindReceipt].
func (Receipt) Kind() string { return KindReceipt }

// Marshal returns the canonical entry, about 350 bytes.
func (r Receipt) Marshal() []byte {
	dst := make([]byte, 0, 384)
	dst = appendMember(dst, '{', "at", FormatTime(r.At))
	dst = appendMember(dst, ',', "commitment", hex.EncodeToString(r.Commitment[:]))
	dst = appendMember(dst, ',', "issuer", r.Issuer)
	dst = appendMember(dst, ',', "key", r.Key)
	dst = appendMember(dst, ',', "kind", KindReceipt)
	dst = appendMember(dst, ',', "org", r.Org)
	dst = appendMember(dst, ',', "retain", r.Retain)
	return append(dst, '}')
}

func parseReceipt(data []byte) (Receipt, error) {
	var wire struct {
		At         string `json:"at"`
		Commitment string `json:"commitment"`
		Issuer     string `json:"issuer"`
		Key        string `json:"key"`
		Kind       string `json:"kind"`
		Org        string `json:"org"`
		Retain     string `json:"retain"`
	}
	if err := unmarshalStrict(data, &wire); err != nil {
		return Receipt{}, err
	}
	r := Receipt{Issuer: wire.Issuer, Key: wire.Key, Org: wire.Org, Retain: wire.Retain}
	var err error
	if r.At, err = parseTime("entry.at", wire.At); err != nil {
		return Receipt{}, err
	}
	if err := parseHex("entry.commitment", wire.Commitment, r.Commitment[:]); err != nil {
		return Receipt{}, err
	}
	return r, r.check()
}

// check holds the members that are kept as text to their form.
func (r Receipt) check() error {
	if err := checkDID("entry.issuer", r.Issuer); err != nil {
		return err
	}
	if len(r.Key) < 2 || len(r.Key) > maxKeyBytes || r.Key[0] != 'z' {
		return verdict.Errorf(verdict.Malformed, "entry.key", "must be a multikey that begins with z")
	}
	if err := checkHandle(r.Org); err != nil {
		return err
	}
	if r.Retain != Indefinite {
		if _, err := parseTime("entry.retain", r.Retain); err != nil {
			return err
		}
	}
	return nil
}

// checkDID looks at no more than the outer form, did:method:id; package did
// knows the methods.
func checkDID(path, s string) error {
	method, id, ok := strings.Cut(strings.TrimPrefix(s, "did:"), ":")
	if !strings.HasPrefix(s, "did:") || !ok || method == "" || id == "" || len(s) > maxDIDBytes {
		return verdict.Errorf(verdict.Malformed, path, "must be a DID of at most %d bytes", maxDIDBytes)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\' || s[i] == '#' || s[i] == '?' {
			return verdict.Errorf(verdict.Malformed, path, "has a character that no DID may have")
		}
	}
	return nil
}
