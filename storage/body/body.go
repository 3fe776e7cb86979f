// Package body keeps the bodies of receipts, each sealed under a key of its own,
// so that destroying a body for good means destroying 64 bytes.
//
// A body is two rows: its ciphertext, and beside it the key it is sealed with
// and the salt of its commitment. Both are written in the batch of the entry
// (I1). [Erase] deletes both rows and leaves a marker. Without the key the
// ciphertext, wherever a copy of it may linger, is noise; without the salt the
// commitment in the log cannot be tested against guesses.
//
// # Sealing
//
// AES-256-GCM with 32 random bytes as key, the commitment as additional data,
// and a nonce of zeros. A nonce must not repeat under one key; here no key ever
// seals twice, so there is nothing for a nonce to tell apart. The commitment
// ties the ciphertext to its leaf: swapped rows do not open.
//
// The row of a ciphertext is the GCM output: as long as the body and 16 bytes of
// tag. The row of a key is key, then salt, 32 bytes each.
package body

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

var (
	// ErrNotFound says that no body was ever stored for the leaf.
	ErrNotFound = errors.New("no body")
	// ErrErased says that there was a body and that it was erased.
	ErrErased = errors.New("body was erased")
	// ErrCorrupt says that what is stored does not open: the disk lost bits, or
	// the rows belong to another commitment.
	ErrCorrupt = errors.New("body does not open")
)

const (
	keyLen  = 32
	saltLen = 32
)

// Sealed is a body ready to be stored. It holds the key in memory; let go of it
// once it is stored.
type Sealed struct {
	ciphertext []byte
	secret     [keyLen + saltLen]byte
}

// Seal encrypts plain under a new random key, for the leaf that carries the
// commitment. It copies plain and is safe for concurrent use.
func Seal(commitment, salt [32]byte, plain []byte) (*Sealed, error) {
	s := new(Sealed)
	rand.Read(s.secret[:keyLen]) // never fails: crypto/rand ends the process instead
	copy(s.secret[keyLen:], salt[:])
	aead, err := newAEAD(s.secret[:keyLen])
	if err != nil {
		return nil, fmt.Errorf("seal body: %w", err)
	}
	dst := make([]byte, 0, len(plain)+aead.Overhead())
	s.ciphertext = aead.Seal(dst, make([]byte, aead.NonceSize()), plain, commitment[:])
	return s, nil
}

// Size is about how many bytes Put will add to a batch.
func (s *Sealed) Size() int { return len(s.ciphertext) + len(s.secret) }

// Put writes the body of the leaf at index to b. The body is durable when b is.
func (s *Sealed) Put(b *kv.Batch, index uint64) {
	b.Set(kv.BodyKey(index), s.ciphertext)
	b.Set(kv.BodyKeyKey(index), s.secret[:])
}

// Reader is where Open reads: a database, a snapshot of it, or a batch.
type Reader interface {
	Get(key []byte) ([]byte, error)
}

// Open returns the body of the leaf at index and the salt of its commitment.
// The errors are ErrNotFound, ErrErased, ErrCorrupt, and those of the database.
func Open(db Reader, index uint64, commitment [32]byte) (plain []byte, salt [32]byte, err error) {
	secret, err := db.Get(kv.BodyKeyKey(index))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, salt, absent(db, index)
	} else if err != nil {
		return nil, salt, fmt.Errorf("open body of leaf %d: %w", index, err)
	}
	ciphertext, err := db.Get(kv.BodyKey(index))
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return nil, salt, fmt.Errorf("open body of leaf %d: %w", index, err)
	}
	if err != nil {
		// It may have been erased between the two reads.
		if gone := absent(db, index); errors.Is(gone, ErrErased) {
			return nil, salt, gone
		}
	}
	if plain, err = unseal(secret, ciphertext, commitment); err != nil {
		return nil, salt, fmt.Errorf("open body of leaf %d: %w: %w", index, ErrCorrupt, err)
	}
	copy(salt[:], secret[keyLen:])
	return plain, salt, nil
}

func unseal(secret, ciphertext []byte, commitment [32]byte) ([]byte, error) {
	if len(secret) != keyLen+saltLen {
		return nil, fmt.Errorf("key row has %d bytes", len(secret))
	}
	aead, err := newAEAD(secret[:keyLen])
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, make([]byte, aead.NonceSize()), ciphertext, commitment[:])
}

// absent tells a body that was erased from one that never was.
func absent(db Reader, index uint64) error {
	_, err := db.Get(kv.ErasedKey(index))
	switch {
	case err == nil:
		return fmt.Errorf("open body of leaf %d: %w", index, ErrErased)
	case errors.Is(err, kv.ErrNotFound):
		return fmt.Errorf("open body of leaf %d: %w", index, ErrNotFound)
	}
	return fmt.Errorf("open body of leaf %d: %w", index, err)
}

// Erase deletes the body of the leaf at index in b and leaves note, which must
// not say anything about the body, as its marker. When b is durable Open returns
// ErrErased. What was deleted leaves the tables on disk only when they are
// compacted.
func Erase(b *kv.Batch, index uint64, note []byte) {
	b.Delete(kv.BodyKeyKey(index))
	b.Delete(kv.BodyKey(index))
	b.Set(kv.ErasedKey(index), note)
}

// Erased returns the note that Erase left at index, or ErrNotFound.
func Erased(db Reader, index uint64) (note []byte, err error) {
	note, err = db.Get(kv.ErasedKey(index))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fmt.Errorf("erasure of leaf %d: %w", index, ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("erasure of leaf %d: %w", index, err)
	}
	return note, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
