package audit

import (
	"fmt"
	"slices"
	"sort"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
)

// keyring is the issuers' documents as the log archived them.
type keyring struct {
	all []archived // in order
	by  map[string][]document
}

type document struct {
	index uint64
	doc   *did.Document
	keys  []string // multikeys, sorted
}

// archive takes in an issuer entry.
func (k *keyring) archive(index uint64, e entry.Issuer) error {
	doc, err := did.ParseDocument(e.Document)
	if err != nil {
		return err
	}
	if doc.DID() != e.DID {
		return fmt.Errorf("the document is that of %s", doc.DID())
	}
	keys := multikeys(doc)
	k.put(e.DID, document{index: index, doc: doc, keys: keys})
	k.all = append(k.all, archived{
		Issuer:   account.Issuer{Index: index, DID: e.DID, At: e.At, Keys: keys},
		Document: string(doc.Canonical()),
	})
	return nil
}

// restore takes up an issuer entry from the state file.
func (k *keyring) restore(i archived) error {
	doc, err := did.ParseDocument([]byte(i.Document))
	if err != nil {
		return err
	}
	k.put(i.DID, document{index: i.Index, doc: doc, keys: i.Keys})
	k.all = append(k.all, i)
	return nil
}

func (k *keyring) put(name string, d document) {
	if k.by == nil {
		k.by = make(map[string][]document)
	}
	k.by[name] = append(k.by[name], d)
}

// at returns the issuer's latest document before an index.
func (k *keyring) at(name string, index uint64) *document {
	docs := k.by[name]
	i := sort.Search(len(docs), func(i int) bool { return docs[i].index >= index })
	if i == 0 {
		return nil
	}
	return &docs[i-1]
}

// check holds the key of a receipt entry to the documents before it.
func (k *keyring) check(index uint64, e entry.Receipt) (account.Finding, bool) {
	if did.IsKey(e.Issuer) {
		if e.Issuer == "did:key:"+e.Key {
			return account.Finding{}, true
		}
		return about(index, KeyNotIssuers, "is signed with %s, and its issuer is the key %s", e.Key, e.Issuer), false
	}
	d := k.at(e.Issuer, index)
	if d == nil {
		return about(index, IssuerNotLogged, "is a receipt of %s, of whom no document stands in the log before it", e.Issuer), false
	}
	if _, found := slices.BinarySearch(d.keys, e.Key); !found {
		return about(index, KeyNotIssuers, "is signed with %s, which is none of the keys of %s in entry %d", e.Key, e.Issuer, d.index), false
	}
	return account.Finding{}, true
}

// documentFor returns the document to verify a receipt at an index with.
func (k *keyring) documentFor(name string, index uint64) (*did.Document, error) {
	if did.IsKey(name) {
		return did.KeyDocument(name)
	}
	if d := k.at(name, index); d != nil {
		return d.doc, nil
	}
	return nil, fmt.Errorf("no document of %s stands in the log before it", name)
}

func multikeys(doc *did.Document) []string {
	keys := []string{}
	for _, key := range doc.AssertionKeys() {
		keys = append(keys, did.EncodeKey(key))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
