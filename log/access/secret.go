package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

const (
	secretPrefix = "rl_" // what scanners for lost secrets look for
	secretBytes  = 32
	idDigits     = 16
)

// newSecret draws a key with that id.
func newSecret(id uint64) (secret string, hash [sha256.Size]byte) {
	var random [secretBytes]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	secret = secretPrefix + formatID(id) + "_" + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, sha256.Sum256([]byte(secret))
}

// newID draws an id.
func newID() uint64 {
	var random [8]byte
	rand.Read(random[:])
	return binary.BigEndian.Uint64(random[:])
}

func formatID(id uint64) string { return fmt.Sprintf("%0*x", idDigits, id) }

// parseID reads an id in its one spelling.
func parseID(s string) (id uint64, ok bool) {
	id, err := strconv.ParseUint(s, 16, 64)
	return id, err == nil && formatID(id) == s
}

// idOf returns the id in a key as it is sent. What else is in it is for the
// hash to judge.
func idOf(secret string) (id uint64, ok bool) {
	rest, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok || len(rest) <= idDigits || rest[idDigits] != '_' {
		return 0, false
	}
	return parseID(rest[:idDigits])
}

// matches reports whether hash is that of the key that is sent, in constant
// time.
func matches(secret string, hash [sha256.Size]byte) bool {
	sum := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(sum[:], hash[:]) == 1
}
