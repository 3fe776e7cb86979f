package audit

import (
	"fmt"
	"slices"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/entry"
)

// Watch is what an issuer knows about itself, to compare the log with.
type Watch struct {
	Issuer string
	// Keys are the multikeys that the issuer signs with, or ever signed with.
	// Nil means not to look.
	Keys []string
	// Known says whether the receipt with that hash is one that the issuer
	// signed. Nil means not to look. It may be called concurrently.
	Known func(receipt [32]byte) bool
}

// watchReceipt compares a receipt entry.
func watchReceipt(watched []Watch, index uint64, e entry.Receipt) (account.Finding, bool) {
	for _, w := range watched {
		if w.Issuer == e.Issuer && w.Keys != nil && !slices.Contains(w.Keys, e.Key) {
			return about(index, KeyUnexpected, "is a receipt of %s signed with %s, which it does not call its own", e.Issuer, e.Key), false
		}
	}
	return account.Finding{}, true
}

// watchDocument compares the keys of an issuer entry.
func watchDocument(watched []Watch, i archived) (found []account.Finding) {
	for _, w := range watched {
		if w.Issuer != i.DID || w.Keys == nil {
			continue
		}
		for _, key := range i.Keys {
			if !slices.Contains(w.Keys, key) {
				found = append(found, about(i.Index, KeyUnexpected, "archives a document of %s with %s, which it does not call its own", i.DID, key))
			}
		}
	}
	return found
}

// watchBody compares a receipt whose body is at hand.
func watchBody(watched []Watch, index uint64, issuer string, hash [32]byte) (account.Finding, bool) {
	for _, w := range watched {
		if w.Issuer == issuer && w.Known != nil && !w.Known(hash) {
			return about(index, ReceiptUnexpected, "is a receipt of %s with the hash %s, which it does not know", issuer, fmt.Sprintf("%x", hash)), false
		}
	}
	return account.Finding{}, true
}
