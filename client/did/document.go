package did

import (
	"crypto/ed25519"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// MaxDocumentBytes bounds a DID document, read or canonical. The log archives
// documents in entries, which have at most 65,535 bytes, base64 and all else
// included.
const MaxDocumentBytes = 48 << 10

// maxMethods bounds the keys of one document.
const maxMethods = 256

const (
	contextDID      = "https://www.w3.org/ns/did/v1"
	contextMultikey = "https://w3id.org/security/multikey/v1"
)

// Document is a parsed DID document. It never changes and is safe for
// concurrent use. Members that receiptlog has no use for are kept in the
// canonical bytes.
type Document struct {
	id        string
	canonical []byte
	methods   map[string]*method // by absolute id
	assertion map[string]bool    // absolute ids under assertionMethod
}

// document is the wire form of what is read of a DID document. The lists may
// hold a string or an object.
type document struct {
	ID                 string           `json:"id"`
	VerificationMethod []method         `json:"verificationMethod"`
	AssertionMethod    []jsontext.Value `json:"assertionMethod"`
}

// ParseDocument reads a DID document strictly: strict JSON (see package jcs),
// a DID as its id, verification methods with distinct ids. A relative id
// ("#key-1") stands for the document's id with it appended.
//
// Codes: malformed, too_large, schema_invalid.
func ParseDocument(data []byte) (*Document, error) {
	canonical, err := jcs.Canonicalize(data, MaxDocumentBytes)
	if err != nil {
		return nil, fmt.Errorf("read DID document: %w", err)
	}
	if len(canonical) > MaxDocumentBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "the DID document has %d bytes in canonical form, and at most %d are accepted", len(canonical), MaxDocumentBytes)
	}
	var wire document
	if err := json.Unmarshal(canonical, &wire); err != nil {
		return nil, wrongType(err)
	}
	if err := Check(wire.ID); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "id", "must be a DID")
	}
	d := &Document{
		id:        wire.ID,
		canonical: canonical,
		methods:   make(map[string]*method),
		assertion: make(map[string]bool),
	}
	for i := range wire.VerificationMethod {
		if _, err := d.add(&wire.VerificationMethod[i], "verificationMethod["+strconv.Itoa(i)+"]"); err != nil {
			return nil, err
		}
	}
	if err := d.authorize(wire.AssertionMethod); err != nil {
		return nil, err
	}
	return d, nil
}

// wrongType names the place of a value of the wrong JSON type.
func wrongType(err error) error {
	path := ""
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		path = jcs.Path(semantic.JSONPointer)
	}
	return verdict.Errorf(verdict.SchemaInvalid, path, "is of the wrong JSON type for a DID document")
}

// add registers a verification method and returns its absolute id.
func (d *Document) add(m *method, path string) (string, error) {
	id, err := d.absolute(m.ID)
	if err != nil {
		return "", verdict.Errorf(verdict.SchemaInvalid, path+".id", "must be a DID URL with a fragment")
	}
	if m.Type == "" {
		return "", verdict.Errorf(verdict.SchemaInvalid, path+".type", "is required")
	}
	if d.methods[id] != nil {
		return "", verdict.Errorf(verdict.SchemaInvalid, path+".id", "occurs twice")
	}
	if len(d.methods) == maxMethods {
		return "", verdict.Errorf(verdict.TooLarge, path, "a DID document may have at most %d keys", maxMethods)
	}
	for _, at := range []struct{ name, value string }{{"expires", m.Expires}, {"revoked", m.Revoked}} {
		if _, err := time.Parse(time.RFC3339, at.value); at.value != "" && err != nil {
			return "", verdict.Errorf(verdict.SchemaInvalid, path+"."+at.name, "must be a date and time")
		}
	}
	m.key, m.unusable = m.decode()
	d.methods[id] = m
	return id, nil
}

// authorize reads assertionMethod: references to keys, or keys embedded, which
// count for this purpose alone.
func (d *Document) authorize(list []jsontext.Value) error {
	for i, value := range list {
		path := "assertionMethod[" + strconv.Itoa(i) + "]"
		var ref string
		if value.Kind() == '{' {
			var m method
			if err := json.Unmarshal(value, &m); err != nil {
				return wrongType(err)
			}
			id, err := d.add(&m, path)
			if err != nil {
				return err
			}
			d.assertion[id] = true
			continue
		}
		if err := json.Unmarshal(value, &ref); err != nil {
			return verdict.Errorf(verdict.SchemaInvalid, path, "must be the id of a key, or a key")
		}
		id, err := d.absolute(ref)
		if err != nil {
			return verdict.Errorf(verdict.SchemaInvalid, path, "must be a DID URL with a fragment")
		}
		d.assertion[id] = true
	}
	return nil
}

// absolute resolves the id of a method against the document's.
func (d *Document) absolute(id string) (string, error) {
	if strings.HasPrefix(id, "#") {
		id = d.id + id
	}
	_, _, err := SplitURL(id)
	return id, err
}

// DID returns the document's id.
func (d *Document) DID() string { return d.id }

// Canonical returns the document in RFC 8785 form. Callers must not modify it.
func (d *Document) Canonical() []byte { return d.canonical }

// AssertionKey returns the Ed25519 key of the verification method methodID, an
// absolute DID URL, if the document authorises it to make assertions.
//
// Codes: key_unknown where the document has no such method, or one that holds
// no Ed25519 key; key_not_authorized where it is not under assertionMethod, or
// is marked as revoked. Whether the key has expired is for the caller to judge,
// who knows the time: see [Document.KeyExpires].
func (d *Document) AssertionKey(methodID string) (ed25519.PublicKey, error) {
	m := d.methods[methodID]
	if m == nil {
		return nil, verdict.Errorf(verdict.KeyUnknown, "", "the document of %s has no key %s", quote(d.id), quote(methodID))
	}
	// SPEC CID 2.2: a controller other than the document's subject does not
	// speak for the subject, whatever the lists say.
	if m.Controller != d.id {
		return nil, verdict.Errorf(verdict.KeyNotAuthorized, "", "the key %s states %s as its controller", quote(methodID), quote(m.Controller))
	}
	if !d.assertion[methodID] {
		return nil, verdict.Errorf(verdict.KeyNotAuthorized, "", "the key %s is not under assertionMethod", quote(methodID))
	}
	if m.Revoked != "" {
		return nil, verdict.Errorf(verdict.KeyNotAuthorized, "", "the key %s was revoked at %s", quote(methodID), m.Revoked)
	}
	return m.key, m.unusable
}

// KeyExpires returns the time after which the method is not to be used, and
// the zero time where the document sets none or has no such method.
func (d *Document) KeyExpires(methodID string) time.Time {
	m := d.methods[methodID]
	if m == nil || m.Expires == "" {
		return time.Time{}
	}
	at, _ := time.Parse(time.RFC3339, m.Expires) // checked by ParseDocument
	return at
}

// quote bounds what an error repeats of somebody else's text.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
