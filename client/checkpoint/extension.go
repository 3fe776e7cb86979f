package checkpoint

import (
	"strings"
	"unicode/utf8"
)

// errExtensions refuses what one signer vouches for and another does not.
var errExtensions = invalid("checkpoint has extension lines, which our logs do not write: not every signature covers them")

// ParseExtended parses the body of a checkpoint of any log, as a witness must: it
// may have extension lines after its three. They are returned as they stand,
// newlines included; nil if there are none. They are opaque, and the whole is
// exactly what [Checkpoint.Body] writes followed by them.
//
// Nobody can be held to what extension lines say. SPEC tlog-cosignature: a
// cosignature by Ed25519 (0x04) covers them and makes no statement about them, and
// one by ML-DSA-44 (0x06) does not even cover them: whoever passes such a
// checkpoint on may change them. Their bound is that of the note that they are in.
func ParseExtended(body []byte) (c Checkpoint, extensions []byte, err error) {
	three, extensions, whole := cutThree(body)
	if !whole {
		return Checkpoint{}, nil, invalid("checkpoint has fewer than three lines")
	}
	if c, err = parseThree(three[0], three[1], three[2]); err != nil {
		return Checkpoint{}, nil, err
	}
	if len(extensions) == 0 {
		return c, nil, nil
	}
	if !validExtensions(extensions) {
		return Checkpoint{}, nil, invalid("extension lines of the checkpoint are not lines of UTF-8 without control characters, none of them empty")
	}
	return c, extensions, nil
}

// cutThree cuts a body after its third line.
func cutThree(body []byte) (three [3]string, rest []byte, whole bool) {
	text := string(body)
	for i := range three {
		if three[i], text, whole = strings.Cut(text, "\n"); !whole {
			return three, nil, false
		}
	}
	return three, body[len(body)-len(text):], true
}

// validExtensions reports whether these are extension lines. SPEC tlog-checkpoint:
// they MUST be non-empty; SPEC signed-note: text without control characters.
func validExtensions(lines []byte) bool {
	if !utf8.Valid(lines) || lines[len(lines)-1] != '\n' {
		return false
	}
	for line := range strings.Lines(string(lines)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.ContainsFunc(line, isControl) {
			return false
		}
	}
	return true
}
